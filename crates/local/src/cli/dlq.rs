//! `parvis dlq`: what could not be processed, why, and once more.
//!
//! Works on the stack that runs here and on any real queue alike: both speak SQS.

mod queue;

use std::{io::Write as _, path::PathBuf};

use anyhow::bail;
use clap::{Args, Subcommand};
use parvis_ingest::dead_letter::DeadLetter;

use queue::{DeadLetterQueue, Entry};

/// Look at the messages that could not be processed, and send them again.
#[derive(Debug, Args)]
pub(super) struct DlqArgs {
    #[command(subcommand)]
    command: DlqCommand,
    /// Data directory of the running stack, which tells its addresses
    #[arg(long, global = true, default_value = ".parvis")]
    data_dir: PathBuf,
    /// Dead-letter queue of the running stack
    #[arg(long, global = true, default_value = "IngestDeadLetterQueue")]
    queue: String,
    /// URL of a queue on AWS instead, reached with the AWS credentials of the environment
    #[arg(long, global = true)]
    queue_url: Option<String>,
}

#[derive(Debug, Subcommand)]
enum DlqCommand {
    /// One line per message
    List,
    /// Everything about one message
    Show {
        /// Id of the message, or the beginning of it
        id: String,
    },
    /// Send messages to the queue they came from, and take them off this one
    #[command(arg_required_else_help = true)]
    Redrive {
        /// Ids of messages, or the beginnings of them
        #[arg(conflicts_with = "all")]
        ids: Vec<String>,
        /// All messages
        #[arg(long)]
        all: bool,
    },
}

/// Runs one of the commands.
pub(super) async fn run(arguments: DlqArgs) -> anyhow::Result<()> {
    let queue = match arguments.queue_url {
        Some(url) => DeadLetterQueue::on_aws(url).await?,
        None => DeadLetterQueue::of_running_stack(&arguments.data_dir, &arguments.queue).await?,
    };
    let entries = queue.entries().await?;
    let outcome = match arguments.command {
        DlqCommand::List => list(&entries),
        DlqCommand::Show { id } => find(&entries, &id).and_then(show),
        DlqCommand::Redrive { ids, all } => redrive(&queue, &entries, &ids, all).await,
    };
    queue.release(&entries).await?;
    outcome
}

fn list(entries: &[Entry]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for Entry { id, letter, sent_at, .. } in entries {
        let topic = letter.topic.as_deref().unwrap_or("-");
        let at = letter.refused_at.unwrap_or(*sent_at).format("%Y-%m-%d %H:%M:%S");
        writeln!(out, "{id:.8}  {at}  {:<18} {topic:<32} {}", letter.reason, letter.detail)?;
    }
    drop(out);
    eprintln!("{} messages", entries.len());
    Ok(())
}

fn show(entry: &Entry) -> anyhow::Result<()> {
    let DeadLetter { topic, payload, reason, detail, received_at, refused_at, client_id } = &entry.letter;
    let none = || "-".to_owned();
    let mut out = std::io::stdout().lock();
    writeln!(out, "id           {}", entry.id)?;
    writeln!(out, "topic        {}", topic.as_deref().unwrap_or("-"))?;
    writeln!(out, "client       {}", client_id.as_deref().unwrap_or("-"))?;
    writeln!(out, "received at  {}", received_at.map_or_else(none, |at| at.to_rfc3339()))?;
    writeln!(out, "refused at   {}", refused_at.map_or_else(none, |at| at.to_rfc3339()))?;
    writeln!(out, "here since   {}", entry.sent_at.to_rfc3339())?;
    writeln!(out, "reason       {reason}: {detail}")?;
    writeln!(out, "payload      {} bytes", payload.len())?;
    writeln!(out, "{}", printable(payload))?;
    Ok(())
}

/// The payload as text, what is not text escaped: it comes from anywhere and must not control the terminal.
fn printable(payload: &[u8]) -> String {
    payload
        .utf8_chunks()
        .flat_map(|chunk| {
            let text = chunk
                .valid()
                .chars()
                .map(|c| if c.is_control() && c != '\n' { c.escape_default().to_string() } else { c.to_string() });
            text.chain(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")))
        })
        .collect()
}

/// The one entry whose id begins like this.
fn find<'a>(entries: &'a [Entry], id: &str) -> anyhow::Result<&'a Entry> {
    let mut found = entries.iter().filter(|entry| entry.id.starts_with(id));
    match (found.next(), found.next()) {
        (Some(entry), None) => Ok(entry),
        (Some(_), Some(_)) => bail!("several messages have ids that begin with {id}"),
        (None, _) => bail!("no message here has the id {id}; see `parvis dlq list`"),
    }
}

async fn redrive(queue: &DeadLetterQueue, entries: &[Entry], ids: &[String], all: bool) -> anyhow::Result<()> {
    let chosen: Vec<_> = match all {
        true => entries.iter().collect(),
        false => ids.iter().map(|id| find(entries, id)).collect::<Result<_, _>>()?,
    };
    let mut kept = 0;
    // Letters and jobs go back as they are; what devices sent goes back in the envelope that ingest reads.
    let from_devices = queue.is_of_devices().await?;
    for entry in &chosen {
        let envelope = entry.letter.to_ingest_body(entry.sent_at);
        match envelope.or_else(|| (!from_devices).then(|| String::from_utf8_lossy(&entry.letter.payload).into_owned()))
        {
            Some(body) => queue.redrive(entry, &body).await?,
            None => {
                kept += 1;
                eprintln!("{}: kept, since it names no topic ({})", entry.id, entry.letter.reason);
            }
        }
    }
    eprintln!("{} messages sent again", chosen.len() - kept);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn entry(id: &str) -> Entry {
        Entry {
            id: id.into(),
            receipt: String::new(),
            sent_at: chrono::DateTime::UNIX_EPOCH,
            letter: DeadLetter::read("?", &HashMap::new()),
        }
    }

    #[test]
    fn an_id_may_be_shortened_as_long_as_it_is_clear() {
        let entries = [entry("abc-1"), entry("abd-2")];
        assert_eq!(find(&entries, "abd").unwrap().id, "abd-2");
        assert!(find(&entries, "ab").is_err_and(|error| error.to_string().contains("several")));
        assert!(find(&entries, "x").is_err_and(|error| error.to_string().contains("no message")));
    }

    #[test]
    fn a_payload_cannot_control_the_terminal() {
        assert_eq!(printable(b"{\"a\":1}\n\x1b[31m\xffend"), "{\"a\":1}\n\\u{1b}[31m\\xffend");
    }
}
