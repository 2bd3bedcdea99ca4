//! Documents as PDF and HTML: everything is on them, nothing is unsafe, the same again is the same.

mod specimens;

use parvis_documents::{Sheet, html, pdf};
use parvis_ledger_rules::Document;
use parvis_money::Language;

fn sheet(document: &Document, language: Language) -> Sheet {
    Sheet::new(document, language)
}

fn pages(pdf: &[u8]) -> usize {
    let text = String::from_utf8_lossy(pdf);
    text.matches("/Type/Page/").count() + text.matches("/Type /Page\n").count()
}

#[test]
fn an_invoice_says_what_the_law_wants() {
    let sheet = sheet(&specimens::invoice(3), Language::Fr);
    insta::assert_json_snapshot!(sheet);
}

#[test]
fn english_headings_keep_the_french_mentions() {
    let sheet = sheet(&specimens::invoice(3), Language::En);
    assert_eq!(sheet.title, "Invoice F-2026-000007");
    assert_eq!(sheet.totals[2].1, "€2,263.36");
    assert!(sheet.mentions.iter().any(|mention| mention.starts_with("Pénalités de retard")));
}

#[test]
fn a_credit_note_names_its_document() {
    let credit = specimens::credit_note(&specimens::invoice(3), "2026-04-02".parse().unwrap());
    let sheet = sheet(&credit, Language::Fr);
    assert_eq!(sheet.title, "Avoir A-2026-000001");
    assert!(sheet.facts.contains(&("Annule ou rectifie".into(), "F-2026-000007".into())));
    assert!(sheet.totals[2].1.starts_with('-'));
}

#[test]
fn html_is_escaped_and_whole() {
    let sheet = sheet(&specimens::invoice(3), Language::Fr);
    let page = html::render(&sheet).unwrap();
    assert!(page.contains("&lt;nuit &amp; week-end&gt;") && !page.contains("<nuit"));
    assert!(page.contains("<html lang=\"fr\">"));
    for text in sheet.totals.iter().map(|(_, amount)| amount).chain([&sheet.title]) {
        assert!(page.contains(text.as_str()), "{text}");
    }
    assert!(!page.contains("http"), "nothing is loaded from elsewhere");
}

#[test]
fn the_same_document_gives_the_same_file() {
    let document = specimens::receipt();
    let render = || pdf::render(&sheet(&document, Language::Fr)).unwrap();
    let first = render();
    assert!(first.starts_with(b"%PDF-"));
    assert!(String::from_utf8_lossy(&first).contains("<pdfaid:part>2</pdfaid:part>"));
    assert!(first.len() < 60_000, "{} bytes: fonts are subset", first.len());
    assert_eq!(first, render());
}

#[test]
fn long_invoices_have_several_pages() {
    let count = |lines| pages(&pdf::render(&sheet(&specimens::invoice(lines), Language::Fr)).unwrap());
    assert_eq!(count(3), 1);
    assert!(count(90) >= 3, "{}", count(90));
}

#[test]
fn any_text_can_be_printed() {
    let mut sheet = sheet(&specimens::receipt(), Language::Fr);
    sheet.rows[0].description = format!("漢字 🚗 \u{0} \t {} עברית", "W".repeat(500));
    pdf::render(&sheet).unwrap();
    sheet.rows[0].description = String::new();
    sheet.buyer = vec!["mot ".repeat(400)];
    pdf::render(&sheet).unwrap();
}
