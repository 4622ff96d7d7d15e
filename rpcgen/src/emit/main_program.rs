//! `main`: listens, registers with the portmapper, serves.

use super::text::line;
use super::{Gen, Transport};
use crate::model::{ItemId, ItemKind};

impl Gen<'_> {
    /// Everything of `-s`: a `main` that serves all programs by a type `Handler`, which the including module defines.
    pub(super) fn main_program(&self, transports: &[Transport]) -> String {
        let mut transports = transports.to_vec();
        transports.sort_unstable();
        transports.dedup();
        let mut services = Vec::new();
        let mut traits = Vec::new();
        for (index, item) in self.facts.model.items.iter().enumerate() {
            if matches!(item.kind, ItemKind::Program(_)) {
                for names in self.names.versions(ItemId(index)) {
                    services.push(names.adaptor.as_str());
                    traits.push(format!("[`{}`]", names.service));
                }
            }
        }
        if services.is_empty() {
            return String::new();
        }
        let over: Vec<&str> = transports
            .iter()
            .map(|transport| transport.name())
            .collect();
        let mut out = self.header(": main");
        out.push('\n');
        line!(
            &mut out,
            0,
            "/// Serves over {}, known to this machine's portmapper, until told to stop.",
            over.join(" and ")
        );
        line!(&mut out, 0, "///");
        line!(
            &mut out,
            0,
            "/// `Handler`, which the module around this defines, has [`Default`] and these traits:"
        );
        for name in traits {
            line!(&mut out, 0, "/// {name}");
        }
        line!(&mut out, 0, "pub fn main() -> ::std::process::ExitCode {{");
        line!(
            &mut out,
            4,
            "let handler = ::std::sync::Arc::<Handler>::default();"
        );
        line!(
            &mut out,
            4,
            "let registry = ::fairway_rpc::Registry::new();"
        );
        for service in services {
            line!(
                &mut out,
                4,
                "let service = {service}::from_arc(::std::sync::Arc::clone(&handler));"
            );
            line!(&mut out, 4, "let registry = registry.service(service);");
        }
        let list: Vec<String> = transports
            .iter()
            .map(|transport| format!("::fairway_rpc::Transport::{transport:?}"))
            .collect();
        line!(&mut out, 4, "let transports = [{}];", list.join(", "));
        line!(
            &mut out,
            4,
            "::fairway_rpc::simple::main(registry, &transports)"
        );
        line!(&mut out, 0, "}}");
        out
    }
}

impl Transport {
    fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}
