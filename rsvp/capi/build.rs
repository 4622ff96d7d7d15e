//! Names the library as programs will look for it: `librsvp.so.1`.

fn main() {
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,librsvp.so.1");
    println!("cargo::rerun-if-changed=build.rs");
}
