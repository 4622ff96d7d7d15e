use std::{env, fs, path::Path};

fn main() {
    let out = env::var("OUT_DIR").unwrap();
    let spec = fs::read_to_string("mix.x").unwrap();
    println!("cargo:rerun-if-changed=mix.x");

    let fast = fastxdr::Generator::default().generate(&spec).unwrap();
    // fastxdr writes code for bytes 0.5; the crate is renamed here.
    let fast = fast.replace("use bytes::", "use bytes05::").replacen("mod xdr {", "pub mod xdr {", 1);
    fs::write(Path::new(&out).join("fast.rs"), fast).unwrap();

    // xdrgen cannot select a union on bool: give it an enum of the same wire form.
    let spec = spec
        .replace("(bool attributes_follow)", "(xbool attributes_follow)")
        .replace("(bool handle_follows)", "(xbool handle_follows)")
        .replace("enum rec_kind", "enum xbool { FALSE = 0, TRUE = 1 };\n\nenum rec_kind");
    let mut code = Vec::new();
    xdrgen::generate("mix.x", spec.as_bytes(), &mut code).unwrap();
    fs::write(Path::new(&out).join("xdrgen.rs"), code).unwrap();
}
