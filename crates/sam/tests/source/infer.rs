//! What a function body calls, and on what.

use std::collections::BTreeMap;

use syn::{
    Expr, ExprCall, ExprMethodCall, FnArg, Local, Pat, PathArguments, Signature, Token, Type,
    parse::Parser as _,
    punctuated::Punctuated,
    visit::{self, Visit},
};

use super::{Call, Known, Operation, Receiver, Types};

/// Methods of the SDK's clients that begin an operation. They take no arguments, which tells them from most others.
const OPERATIONS: [&str; 19] = [
    "batch_get_item",
    "batch_write_item",
    "change_message_visibility",
    "create_platform_endpoint",
    "delete_endpoint",
    "delete_item",
    "delete_message",
    "delete_message_batch",
    "get_item",
    "publish",
    "put_item",
    "query",
    "receive_message",
    "scan",
    "send_email",
    "send_message",
    "send_message_batch",
    "set_endpoint_attributes",
    "update_item",
];

/// Parts of a transaction; `TransactWriteItems` itself needs no permission.
const PARTS: [&str; 4] = ["ConditionCheck", "Delete", "Put", "Update"];

/// Methods that give their receiver, or what it holds.
const TRANSPARENT: [&str; 8] = ["clone", "as_ref", "as_deref", "unwrap", "expect", "borrow", "to_owned", "cloned"];

/// The name of a type without its arguments.
pub fn name_of(kind: &Type) -> Option<String> {
    match kind {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        Type::Reference(reference) => name_of(&reference.elem),
        _ => None,
    }
}

/// All names within a type; `Self` is the owner.
pub fn types_of(kind: &Type, owner: Option<&str>) -> Types {
    struct Names<'a>(Types, Option<&'a str>);
    impl<'ast> Visit<'ast> for Names<'_> {
        fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
            let name = segment.ident.to_string();
            self.0.insert(self.1.filter(|_| name == "Self").map_or(name, str::to_owned));
            // What a future or an error of ours carries is no receiver, but it does no harm either.
            if !matches!(segment.arguments, PathArguments::None) {
                visit::visit_path_segment(self, segment);
            }
        }
    }
    let mut names = Names(Types::new(), owner);
    names.visit_type(kind);
    names.0
}

/// The operations and calls of a function's body.
pub fn calls(
    known: &Known,
    owner: Option<&str>,
    place: &str,
    signature: &Signature,
    body: &syn::Block,
) -> (Vec<Operation>, Vec<Call>) {
    let mut variables = BTreeMap::new();
    for input in &signature.inputs {
        match input {
            FnArg::Receiver(_) => {
                drop(variables.insert("self".to_owned(), owner.map(|owner| Types::from([owner.to_owned()]))))
            }
            FnArg::Typed(typed) => {
                if let Pat::Ident(name) = &*typed.pat {
                    variables.insert(name.ident.to_string(), Some(types_of(&typed.ty, owner)));
                }
            }
        }
    }
    let mut body_visitor =
        Body { known, owner, place, variables, operations: Vec::new(), calls: Vec::new(), awaited: false };
    body_visitor.visit_block(body);
    (body_visitor.operations, body_visitor.calls)
}

struct Body<'a> {
    known: &'a Known,
    owner: Option<&'a str>,
    place: &'a str,
    variables: BTreeMap<String, Option<Types>>,
    operations: Vec<Operation>,
    calls: Vec<Call>,
    /// Whether the expression being visited is the one of an `.await`, or stands in a macro that awaits.
    awaited: bool,
}

impl Body<'_> {
    /// The types an expression may have, if they can be told.
    fn infer(&self, expression: &Expr) -> Option<Types> {
        match expression {
            Expr::Path(path) => self.variables.get(&path.path.get_ident()?.to_string())?.clone(),
            Expr::Field(field) => {
                let name = match &field.member {
                    syn::Member::Named(name) => name.to_string(),
                    syn::Member::Unnamed(index) => index.index.to_string(),
                };
                self.known.fields.get(&name).cloned()
            }
            Expr::MethodCall(call) => {
                let name = call.method.to_string();
                if TRANSPARENT.contains(&name.as_str()) {
                    self.infer(&call.receiver)
                } else {
                    self.known.returns.get(&name).cloned()
                }
            }
            Expr::Call(call) => match &*call.func {
                Expr::Path(path) => {
                    let segments: Vec<_> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
                    match segments.as_slice() {
                        [.., kind, _] if kind.starts_with(char::is_uppercase) => Some(Types::from([self.own(kind)])),
                        [.., function] => self.known.returns.get(function).cloned(),
                        [] => None,
                    }
                }
                _ => None,
            },
            Expr::Await(inner) => self.infer(&inner.base),
            Expr::Try(inner) => self.infer(&inner.expr),
            Expr::Paren(inner) => self.infer(&inner.expr),
            Expr::Reference(inner) => self.infer(&inner.expr),
            Expr::Unary(inner) => self.infer(&inner.expr),
            _ => None,
        }
    }

    fn own(&self, name: &str) -> String {
        self.owner.filter(|_| name == "Self").unwrap_or(name).to_owned()
    }

    fn operation(&mut self, name: &str) {
        self.operations.push(Operation { owner: self.place.to_owned(), name: name.to_owned() });
    }
}

impl<'ast> Visit<'ast> for Body<'_> {
    fn visit_local(&mut self, local: &'ast Local) {
        visit::visit_local(self, local);
        let Some(init) = &local.init else { return };
        let (pattern, declared) = match &local.pat {
            Pat::Type(typed) => (&*typed.pat, Some(types_of(&typed.ty, self.owner))),
            pattern => (pattern, self.infer(&init.expr)),
        };
        if let Pat::Ident(name) = pattern {
            self.variables.insert(name.ident.to_string(), declared);
        }
    }

    fn visit_expr_await(&mut self, inner: &'ast syn::ExprAwait) {
        let outer = std::mem::replace(&mut self.awaited, true);
        self.visit_expr(&inner.base);
        self.awaited = outer;
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let name = call.method.to_string();
        let on = self.infer(&call.receiver);
        let awaited = std::mem::take(&mut self.awaited);
        let of_client = on.as_ref().is_none_or(|types| types.contains("Client"));
        if OPERATIONS.contains(&name.as_str()) && call.args.is_empty() && of_client {
            self.operation(&name);
        }
        let on = on.map_or(Receiver::Unknown, Receiver::Types);
        self.calls.push(Call { name, on, awaited });
        visit::visit_expr_method_call(self, call);
        // The receiver has been visited by now: `client.publish().topic(..).retain(..)`.
        if call.method == "retain" && self.operations.iter().any(|operation| operation.name == "publish") {
            self.operation("publish retained");
        }
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        self.awaited = false;
        if let Expr::Path(path) = &*call.func {
            let segments: Vec<_> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            match segments.as_slice() {
                [.., part, builder] if builder == "builder" && PARTS.contains(&part.as_str()) => {
                    self.operation(&format!("{part}::builder"))
                }
                [.., kind, from_env] if kind == "Database" && from_env == "from_env" => self.operation("connect"),
                [.., kind, name] if kind.starts_with(char::is_uppercase) => {
                    let on = Receiver::Types(Types::from([self.own(kind)]));
                    self.calls.push(Call { name: name.clone(), on, awaited: false });
                }
                [.., name] => self.calls.push(Call { name: name.clone(), on: Receiver::Nothing, awaited: false }),
                [] => {}
            }
        }
        visit::visit_expr_call(self, call);
    }

    /// A method given by its path, for example to `map`.
    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        let segments: Vec<_> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let [.., kind, name] = segments.as_slice()
            && kind.starts_with(char::is_uppercase)
        {
            self.calls.push(Call {
                name: name.clone(),
                on: Receiver::Types(Types::from([self.own(kind)])),
                awaited: false,
            });
        }
    }

    /// `try_join!(a.b(), c.d())` and its like: the arguments are awaited there.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if let Ok(arguments) = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(call.tokens.clone()) {
            for argument in &arguments {
                self.awaited = true;
                self.visit_expr(argument);
            }
            self.awaited = false;
        }
    }
}
