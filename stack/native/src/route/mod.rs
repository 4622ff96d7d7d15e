//! Where packets go: the table of routes, its longest-prefix match, and what was learned about paths.

mod path_mtu;
mod prefix;
#[expect(
    clippy::module_inception,
    reason = "a file is named after what it defines"
)]
mod route;
mod table;
mod trie;

pub use path_mtu::{MIN_PATH_MTU, PathMtuCache};
pub use prefix::Prefix;
pub use route::{Origin, Route, RouteError, RouteKind, RouteQuery};
pub use table::{Redirect, RedirectError, RouteTable};
pub use trie::Trie;
