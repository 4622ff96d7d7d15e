//! The files' form: lines, fields and words.

use super::pattern::{List, Pattern};
use super::rules::Rule;

/// Names under which rules speak of this daemon, beside `ALL`.
const DAEMON_NAMES: [&str; 3] = ["rpcbind", "portmap", "portmapd"];

/// Lines with their continuations (`\` at the end) joined, without comments and empty ones; numbers from 1.
pub(super) fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut going_on = false;
    for (number, line) in text.lines().enumerate() {
        let (content, goes_on) = match line.strip_suffix('\\') {
            Some(content) => (content, true),
            None => (line, false),
        };
        match lines.last_mut() {
            Some((_, whole)) if going_on => whole.push_str(content),
            _ => lines.push((number + 1, content.to_owned())),
        }
        going_on = goes_on;
    }
    lines.retain(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
    lines
}

/// Cuts a rule at its colons: not at those in brackets, nor at those behind a backslash.
fn fields(rule: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut bracket = false;
    let mut escaped = false;
    for c in rule.chars() {
        match c {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            ':' if !bracket && !escaped => {
                fields.push(String::new());
                continue;
            }
            '[' => bracket = true,
            ']' => bracket = false,
            _ => {}
        }
        escaped = false;
        if let Some(field) = fields.last_mut() {
            field.push(c);
        }
    }
    fields
}

fn words(list: &str) -> Vec<&str> {
    list.split([' ', '\t', ',', '\r'])
        .filter(|word| !word.is_empty())
        .collect()
}

pub(super) fn parse_rule(
    rule: &str,
    grants: bool,
    remark: &mut impl FnMut(String),
) -> Option<Rule> {
    let fields = fields(rule);
    let mut fields = fields.iter();
    let daemons = words(fields.next()?);
    if !names_us(&daemons, remark) {
        return None;
    }
    let Some(clients) = fields.next() else {
        remark("no colon between daemons and clients: the rule is left out".to_owned());
        return None;
    };
    let mut rule = Rule {
        clients: parse_list(&words(clients), remark),
        grants,
    };
    for option in fields {
        let option = option.trim();
        match option.to_ascii_lowercase().as_str() {
            "allow" => rule.grants = true,
            "deny" => rule.grants = false,
            "" => {}
            _ => remark(format!(
                "option `{option}` has no effect: the portmapper runs no programs"
            )),
        }
    }
    Some(rule)
}

/// Whether a list of daemons speaks of this one.
fn names_us(daemons: &[&str], remark: &mut impl FnMut(String)) -> bool {
    let mut parts = daemons.split(|word| word.eq_ignore_ascii_case("EXCEPT"));
    let mut ours = |list: &[&str]| {
        list.iter().any(|word| {
            let (name, at) = word
                .split_once('@')
                .map_or((*word, None), |(n, a)| (n, Some(a)));
            let ours = name.eq_ignore_ascii_case("ALL")
                || DAEMON_NAMES
                    .iter()
                    .any(|daemon| name.eq_ignore_ascii_case(daemon));
            if ours && at.is_some() {
                remark(format!("`{word}`: taken for any address of this host"));
            }
            ours
        })
    };
    // a EXCEPT b EXCEPT c is a without (b without c).
    let verdicts: Vec<bool> = parts.by_ref().map(&mut ours).collect();
    let mut verdict = false;
    for (at, yes) in verdicts.iter().enumerate().rev() {
        verdict = if at + 1 == verdicts.len() {
            *yes
        } else {
            *yes && !verdict
        };
    }
    verdict
}

fn parse_list(clients: &[&str], remark: &mut impl FnMut(String)) -> List {
    let cut = clients
        .iter()
        .position(|word| word.eq_ignore_ascii_case("EXCEPT"));
    let (any, except) = match cut.and_then(|at| clients.split_at_checked(at)) {
        Some((any, except)) => (any, except.get(1..)),
        None => (clients, None),
    };
    let any = any
        .iter()
        .map(|word| {
            Pattern::parse(word).unwrap_or_else(|why| {
                remark(format!(
                    "client `{word}` is not understood ({why}): it decides against the caller"
                ));
                Pattern::NotUnderstood
            })
        })
        .collect();
    List {
        any,
        except: except.map(|rest| Box::new(parse_list(rest, remark))),
    }
}
