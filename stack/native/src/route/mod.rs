//! Where packets go: the table of routes, its longest-prefix match, and what was learned about paths.

mod path_mtu;
mod prefix;
mod table;
mod trie;

pub use path_mtu::{MIN_PATH_MTU, PathMtuCache};
pub use prefix::Prefix;
pub use table::{
    Origin, Redirect, RedirectError, Route, RouteError, RouteKind, RouteQuery, RouteTable,
};
pub use trie::Trie;
