//! Reads the crates: what is compiled into a deployment, which is the modules declared from `lib.rs` without the tests.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, Fields, ImplItem, ReturnType};

use super::{
    Item, Known, Types,
    infer::{self, types_of},
};

/// A crate of ours.
pub struct Source {
    pub name: String,
    pub files: Vec<(PathBuf, syn::File)>,
}

/// A crate and all crates of ours that it depends on, tests' dependencies left out.
pub fn with_dependencies(workspace: &Path, package: &str) -> Vec<Source> {
    let manifests = manifests(workspace);
    let mut names = vec![package.to_owned()];
    let mut i = 0;
    while i < names.len() {
        let dependencies = dependencies(&manifests[&names[i]]);
        names.extend(
            dependencies
                .into_iter()
                .filter(|name| manifests.contains_key(name) && !names.contains(name))
                .collect::<Vec<_>>(),
        );
        i += 1;
    }
    let source = |name: String| {
        let mut files = Vec::new();
        module_file(&manifests[&name].parent().unwrap().join("src/lib.rs"), &mut files);
        Source { name, files }
    };
    names.into_iter().map(source).collect()
}

/// The manifests of the workspace, by package name.
fn manifests(workspace: &Path) -> BTreeMap<String, PathBuf> {
    let mut manifests = BTreeMap::new();
    for folder in ["crates", "functions"] {
        for entry in fs::read_dir(workspace.join(folder)).unwrap() {
            let manifest = entry.unwrap().path().join("Cargo.toml");
            let Ok(text) = fs::read_to_string(&manifest) else { continue };
            let name = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).unwrap();
            manifests.insert(name.to_owned(), manifest);
        }
    }
    manifests
}

fn dependencies(manifest: &Path) -> Vec<String> {
    let text = fs::read_to_string(manifest).unwrap();
    let section = text.split("\n[").find_map(|section| section.strip_prefix("dependencies]\n")).unwrap_or_default();
    section.lines().filter_map(|line| line.split(['.', ' ', '=']).next()).map(str::to_owned).collect()
}

/// Reads a module and the modules it declares.
fn module_file(path: &Path, files: &mut Vec<(PathBuf, syn::File)>) {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let folder = match path.file_stem().unwrap().to_str().unwrap() {
        "lib" | "mod" => path.parent().unwrap().to_owned(),
        stem => path.with_file_name(stem),
    };
    for item in &file.items {
        let syn::Item::Mod(module) = item else { continue };
        if module.content.is_none() && !is_test(&module.attrs) {
            let name = module.ident.to_string();
            let candidates = [folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs")];
            module_file(candidates.iter().find(|path| path.exists()).unwrap_or(&candidates[0]), files);
        }
    }
    files.push((path.to_owned(), file));
}

/// Whether an item exists in tests only.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || (attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Ident>().is_ok_and(|ident| ident == "test"))
    })
}

/// A function with what it belongs to.
struct Function<'a> {
    owner: Option<String>,
    signature: &'a syn::Signature,
    body: &'a syn::Block,
}

/// Calls `visit` for each item, those of inline modules included.
fn each<'a>(items: &'a [syn::Item], visit: &mut impl FnMut(&'a syn::Item)) {
    for item in items {
        match item {
            syn::Item::Mod(module) if !is_test(&module.attrs) => {
                each(module.content.as_ref().map_or(&[], |(_, items)| items), visit);
            }
            item => visit(item),
        }
    }
}

fn functions(file: &syn::File) -> Vec<Function<'_>> {
    let mut found = Vec::new();
    each(&file.items, &mut |item| match item {
        syn::Item::Fn(function) if !is_test(&function.attrs) => {
            found.push(Function { owner: None, signature: &function.sig, body: &function.block });
        }
        syn::Item::Impl(block) if !is_test(&block.attrs) => {
            let owner = infer::name_of(&block.self_ty);
            for item in &block.items {
                if let ImplItem::Fn(method) = item {
                    found.push(Function { owner: owner.clone(), signature: &method.sig, body: &method.block });
                }
            }
        }
        syn::Item::Trait(definition) => {
            for item in &definition.items {
                if let syn::TraitItem::Fn(method) = item
                    && let Some(body) = &method.default
                {
                    found.push(Function { owner: None, signature: &method.sig, body });
                }
            }
        }
        _ => {}
    });
    found
}

/// The types of fields and results in these crates.
pub fn known(crates: &[Source]) -> Known {
    let mut known = Known::default();
    for (_, file) in crates.iter().flat_map(|source| &source.files) {
        each(&file.items, &mut |item| {
            let syn::Item::Struct(definition) = item else { return };
            let fields = match &definition.fields {
                Fields::Named(fields) => &fields.named,
                Fields::Unnamed(fields) => &fields.unnamed,
                Fields::Unit => return,
            };
            for (i, field) in fields.iter().enumerate() {
                let name = field.ident.as_ref().map_or_else(|| i.to_string(), ToString::to_string);
                known.fields.entry(name).or_default().extend(types_of(&field.ty, None));
            }
        });
        for function in functions(file) {
            if let ReturnType::Type(_, result) = &function.signature.output {
                let types: Types = types_of(result, function.owner.as_deref());
                known.returns.entry(function.signature.ident.to_string()).or_default().extend(types);
            }
        }
    }
    known
}

/// The functions of a crate with their calls.
pub fn items(source: &Source, known: &Known) -> Vec<Item> {
    let mut items = Vec::new();
    for (path, file) in &source.files {
        for Function { owner, signature, body } in functions(file) {
            let place =
                owner.clone().unwrap_or_else(|| format!("{}/{}", source.name, path.file_stem().unwrap().display()));
            let (operations, calls) = infer::calls(known, owner.as_deref(), &place, signature, body);
            items.push(Item {
                owner,
                name: signature.ident.to_string(),
                crate_name: source.name.clone(),
                operations,
                calls,
            });
        }
    }
    items
}
