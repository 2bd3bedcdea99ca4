//! What stands on the page, as text, before it becomes PDF or HTML.

use chrono::NaiveDate;
use parvis_ledger_rules::{
    Buyer, Document, DocumentKind, DocumentLine, Draft, OUTSIDE_VAT, PaymentTerms, Seller, Settlement, means,
};
use parvis_money::{Language, Money, Rounding, VatRate, VatSplit};
use serde::Serialize;

/// All texts of a document, in the order of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sheet {
    /// ISO 639-1.
    pub language: &'static str,
    /// The date of the document.
    pub issued_on: NaiveDate,
    /// `Facture F-2026-000001`.
    pub title: String,
    /// Name, address, register, VAT number.
    pub seller: Vec<String>,
    /// Name and address; empty without a buyer.
    pub buyer: Vec<String>,
    /// Dates and references: label and value.
    pub facts: Vec<(String, String)>,
    /// Headings of the rows.
    pub row_headings: [&'static str; 6],
    /// What was sold.
    pub rows: Vec<Row>,
    /// Headings of the VAT table.
    pub vat_headings: [&'static str; 4],
    /// VAT per rate.
    pub vat_rows: Vec<VatRow>,
    /// Totals: label and amount; the last one is the grand total.
    pub totals: Vec<(String, String)>,
    /// How it was paid.
    pub settlements: Vec<String>,
    /// The mentions of the law.
    pub mentions: Vec<String>,
    /// In which language they are: terms of payment are told in French, as French law has them.
    pub mentions_language: &'static str,
}

/// A line of what was sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What.
    pub description: String,
    /// How many.
    pub quantity: String,
    /// One of them, without tax.
    pub unit_net: String,
    /// `20 %`.
    pub vat: String,
    /// All of them, without tax.
    pub net: String,
    /// All of them, with tax.
    pub gross: String,
}

/// A rate of VAT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VatRow {
    /// `20 %`.
    pub rate: String,
    /// Without tax.
    pub net: String,
    /// The tax.
    pub vat: String,
    /// With tax.
    pub gross: String,
}

impl Sheet {
    /// The texts of a document.
    #[must_use]
    pub fn new(document: &Document, language: Language) -> Self {
        let content = document.content();
        let in_law = if content.terms.is_some() { Language::Fr } else { language };
        Self {
            language: language.code(),
            issued_on: content.issued_on,
            title: format!("{} {}", kind_name(&content.kind, language), document.number()),
            seller: seller_lines(&content.seller, language),
            buyer: content.buyer.as_ref().map(buyer_lines).unwrap_or_default(),
            facts: facts(content, language),
            row_headings: language.pick(
                ["Désignation", "Qté", "PU HT", "TVA", "Montant HT", "Montant TTC"],
                ["Description", "Qty", "Unit net", "VAT", "Net", "Gross"],
            ),
            rows: rows(document, language),
            vat_headings: language
                .pick(["Taux de TVA", "Montant HT", "TVA", "Montant TTC"], ["VAT rate", "Net", "VAT", "Gross"]),
            vat_rows: document.vat().iter().map(|split| vat_row(split, language)).collect(),
            totals: totals(document, language),
            settlements: settlements(content, language),
            mentions: mentions(content, in_law),
            mentions_language: in_law.code(),
        }
    }
}

fn kind_name(kind: &DocumentKind, language: Language) -> &'static str {
    match kind {
        DocumentKind::Receipt => language.pick("Reçu", "Receipt"),
        DocumentKind::Invoice => language.pick("Facture", "Invoice"),
        DocumentKind::CreditNote { .. } => language.pick("Avoir", "Credit note"),
    }
}

fn seller_lines(seller: &Seller, language: Language) -> Vec<String> {
    let vat = seller
        .vat_number
        .as_ref()
        .map(|number| format!("{}{number}", language.pick("TVA intracommunautaire : ", "VAT number: ")));
    let lines = [seller.name.clone(), seller.legal_form.clone()].into_iter().chain(seller.address.iter().cloned());
    let lines = lines.chain([format!("SIREN {}", seller.siren), seller.register.clone()]).chain(vat);
    lines.filter(|line| !line.trim().is_empty()).collect()
}

fn buyer_lines(buyer: &Buyer) -> Vec<String> {
    let siren = buyer.siren.as_ref().map(|siren| format!("SIREN {siren}"));
    [buyer.name.clone()].into_iter().chain(buyer.address.iter().cloned()).chain(siren).collect()
}

fn date(date: NaiveDate, language: Language) -> String {
    date.format(language.pick("%d/%m/%Y", "%d %B %Y")).to_string()
}

fn facts(content: &Draft, language: Language) -> Vec<(String, String)> {
    let (from, to) = (date(content.supplied_from, language), date(content.supplied_to, language));
    let supplied = if from == to { from } else { format!("{from} – {to}") };
    let mut facts = vec![
        (language.pick("Date", "Date").to_owned(), date(content.issued_on, language)),
        (language.pick("Période de la prestation", "Period of supply").to_owned(), supplied),
    ];
    if let DocumentKind::CreditNote { corrects } = content.kind {
        facts.push((language.pick("Annule ou rectifie", "Corrects").to_owned(), corrects.to_string()));
    }
    if let Some(terms) = &content.terms {
        facts.push((language.pick("À payer au plus tard le", "Due by").to_owned(), date(terms.due_on, language)));
    }
    facts
}

fn rate(rate: VatRate, language: Language) -> String {
    let percent = rate.to_string();
    format!("{}\u{a0}%", language.pick(percent.replace('.', ","), percent))
}

fn rows(document: &Document, language: Language) -> Vec<Row> {
    let row = |(line, net): (&DocumentLine, &Money)| {
        // The price of one is for information; the line's net is what adds up.
        let unit = net.share(1, i64::from(line.quantity.max(1)), Rounding::HalfUp).unwrap_or(*net);
        Row {
            description: language.pick(None, line.english.clone()).unwrap_or_else(|| line.description.clone()),
            quantity: line.quantity.to_string(),
            unit_net: unit.format(language),
            vat: rate(line.vat, language),
            net: net.format(language),
            gross: line.gross.format(language),
        }
    };
    document.content().lines.iter().zip(document.line_nets()).map(row).collect()
}

fn vat_row(split: &VatSplit, language: Language) -> VatRow {
    let show = |money: Money| money.format(language);
    VatRow { rate: rate(split.rate, language), net: show(split.net), vat: show(split.vat), gross: show(split.gross) }
}

fn totals(document: &Document, language: Language) -> Vec<(String, String)> {
    let labels = language.pick(["Total HT", "Total TVA", "Total TTC"], ["Total net", "Total VAT", "Total"]);
    let amounts = [document.net(), document.tax(), document.gross()];
    labels.into_iter().zip(amounts).map(|(label, amount)| (label.to_owned(), amount.format(language))).collect()
}

fn settlements(content: &Draft, language: Language) -> Vec<String> {
    let back = matches!(content.kind, DocumentKind::CreditNote { .. });
    let done = match back {
        true => language.pick("Remboursé le", "Refunded on"),
        false => language.pick("Payé le", "Paid on"),
    };
    let settlement = |s: &Settlement| {
        let reference = s
            .reference
            .as_ref()
            .map(|reference| format!("{}{reference}", language.pick(", référence ", ", reference ")));
        let (on, by, amount) = (date(s.on, language), way(&s.by, back, language), s.amount.format(language));
        format!("{done} {on} {by}{}{amount}{}", language.pick(" : ", ": "), reference.unwrap_or_default())
    };
    content.settlements.iter().map(settlement).collect()
}

/// By what money came, or to where it went back.
fn way(by: &str, back: bool, language: Language) -> String {
    let known = match (by, back) {
        (means::CARD, false) => language.pick("par carte bancaire", "by card"),
        (means::CARD, true) => language.pick("sur la carte bancaire", "to the card"),
        (means::WALLET, false) => language.pick("par porte-monnaie", "from the wallet"),
        (means::WALLET, true) => language.pick("sur le porte-monnaie", "to the wallet"),
        (means::INVOICE, false) => language.pick("sur facture", "on an invoice"),
        _ => return format!("{} {by}", language.pick("par", "by")),
    };
    known.to_owned()
}

/// Why there is no VAT, in the document's language where that is known.
fn reason(why: &str, language: Language) -> &str {
    match why {
        OUTSIDE_VAT => language.pick(why, "fee for parking on the street, outside the scope of VAT"),
        other => other,
    }
}

/// The sentences that the law wants; see the sources in the README of `parvis-ledger-rules`.
fn mentions(content: &Draft, language: Language) -> Vec<String> {
    let mut mentions: Vec<String> = Vec::new();
    for why in
        content.lines.iter().filter(|line| line.vat == VatRate::ZERO).filter_map(|line| line.no_vat_because.as_ref())
    {
        let mention = format!("{} {}.", language.pick("TVA 0 % :", "VAT 0%:"), reason(why, language));
        if !mentions.contains(&mention) {
            mentions.push(mention);
        }
    }
    if let Some(PaymentTerms { early_payment, late_penalties, recovery_compensation, .. }) = &content.terms {
        mentions.push(format!("Escompte pour paiement anticipé : {early_payment}."));
        mentions.push(format!("Pénalités de retard : {late_penalties}."));
        let amount = recovery_compensation.format(Language::Fr);
        mentions.push(format!("Indemnité forfaitaire pour frais de recouvrement en cas de retard : {amount}."));
    }
    mentions
}
