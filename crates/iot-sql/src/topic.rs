//! Topics and topic filters of MQTT.

use std::{fmt, str::FromStr};

/// Why a text is not a topic filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFilter {
    /// A filter has at least one character.
    #[error("a topic filter must not be empty")]
    Empty,
    /// `#` stands for all remaining levels and is therefore last and alone.
    #[error("# must be the last level, and alone in it")]
    MultiLevel,
    /// `+` stands for one whole level.
    #[error("+ must be alone in its level")]
    SingleLevel,
}

/// A topic filter with the wildcards `+` (one level) and `#` (all remaining levels).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TopicFilter(String);

impl TopicFilter {
    /// The filter as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a topic is selected (MQTT 3.1.1, 4.7): `a/#` selects `a` too, and a wildcard in the first level does not select
    /// topics that begin with `$`.
    #[must_use]
    pub fn matches(&self, topic: &str) -> bool {
        if topic.starts_with('$') && self.0.starts_with(['+', '#']) {
            return false;
        }
        let mut levels = topic.split('/');
        for expected in self.0.split('/') {
            match (expected, levels.next()) {
                ("#", _) => return true,
                ("+", Some(_)) => {}
                (expected, Some(level)) if expected == level => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }
}

impl FromStr for TopicFilter {
    type Err = InvalidFilter;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(InvalidFilter::Empty);
        }
        let mut levels = text.split('/').peekable();
        while let Some(level) = levels.next() {
            if level.contains('#') && (level != "#" || levels.peek().is_some()) {
                return Err(InvalidFilter::MultiLevel);
            }
            if level.contains('+') && level != "+" {
                return Err(InvalidFilter::SingleLevel);
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Splits a Basic Ingest topic, `$aws/rules/<rule>/<topic>`, into the rule's name and the topic that the rule sees (which may
/// be empty). Such a message goes to that rule alone, whatever its `FROM` says, and to no subscriber.
#[must_use]
pub fn basic_ingest(topic: &str) -> Option<(&str, &str)> {
    let rest = topic.strip_prefix("$aws/rules/")?;
    let (rule, topic) = rest.split_once('/').unwrap_or((rest, ""));
    (!rule.is_empty()).then_some((rule, topic))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(filter: &str, topic: &str) -> bool {
        filter.parse::<TopicFilter>().unwrap().matches(topic)
    }

    #[test]
    fn wildcards_follow_the_standard() {
        assert!(matches("sport/tennis/player1/#", "sport/tennis/player1"));
        assert!(matches("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon"));
        assert!(matches("#", "a"));
        assert!(matches("+", "finance"));
        assert!(!matches("+", "/finance"));
        assert!(matches("/+", "/finance"));
        assert!(matches("+/+", "/finance"));
        assert!(!matches("sport/+", "sport"));
        assert!(matches("sport/+", "sport/"));
        assert!(!matches("#", "$SYS/monitor"));
        assert!(!matches("+/monitor", "$SYS/monitor"));
        assert!(matches("$SYS/#", "$SYS/monitor"));
    }

    #[test]
    fn misplaced_wildcards_are_refused() {
        for (text, error) in [
            ("", InvalidFilter::Empty),
            ("a#", InvalidFilter::MultiLevel),
            ("a/#/b", InvalidFilter::MultiLevel),
            ("a+/b", InvalidFilter::SingleLevel),
            ("a/+b", InvalidFilter::SingleLevel),
        ] {
            assert_eq!(text.parse::<TopicFilter>(), Err(error), "{text}");
        }
    }

    #[test]
    fn basic_ingest_names_a_rule() {
        assert_eq!(basic_ingest("$aws/rules/zones/parking/A/place_1"), Some(("zones", "parking/A/place_1")));
        assert_eq!(basic_ingest("$aws/rules/zones"), Some(("zones", "")));
        assert_eq!(basic_ingest("$aws/rules/"), None);
        assert_eq!(basic_ingest("parking/A/place_1"), None);
    }

    prop_compose! {
        fn levels()(levels in prop::collection::vec("[a-z$ é]{0,3}", 1..6)) -> Vec<String> { levels }
    }

    /// A filter made from a topic by turning levels into `+` and, perhaps, a tail into `#`.
    fn generalised() -> impl Strategy<Value = (String, String)> {
        (levels(), prop::collection::vec(any::<bool>(), 6), prop::option::of(0..6usize)).prop_map(
            |(levels, wild, cut)| {
                let mut filter: Vec<_> =
                    levels.iter().zip(&wild).map(|(level, wild)| if *wild { "+" } else { level.as_str() }).collect();
                if let Some(cut) = cut {
                    filter.truncate(cut);
                    filter.push("#");
                }
                (filter.join("/"), levels.join("/"))
            },
        )
    }

    proptest! {
        #[test]
        fn a_generalised_topic_selects_the_topic((filter, topic) in generalised()) {
            prop_assume!(!filter.is_empty());
            let hidden = topic.starts_with('$') && filter.starts_with(['+', '#']);
            prop_assert_eq!(matches(&filter, &topic), !hidden, "{} {}", filter, topic);
        }

        #[test]
        fn a_filter_without_wildcards_selects_itself_only(a in levels(), b in levels()) {
            let (a, b) = (a.join("/"), b.join("/"));
            prop_assume!(!a.is_empty());
            prop_assert_eq!(matches(&a, &b), a == b);
        }

        #[test]
        fn plus_keeps_the_number_of_levels(topic in levels(), count in 1..6usize) {
            let topic = topic.join("/");
            prop_assume!(!topic.starts_with('$'));
            prop_assert_eq!(matches(&vec!["+"; count].join("/"), &topic), topic.split('/').count() == count);
        }

        #[test]
        fn parsing_keeps_the_text_or_refuses(text in "[a/+#$]{0,8}") {
            if let Ok(filter) = text.parse::<TopicFilter>() {
                prop_assert_eq!(filter.as_str(), text);
            }
        }
    }
}
