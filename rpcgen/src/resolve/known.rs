//! What C's headers define, and files use without saying so.

use crate::model::{Bound, Field, ItemKind, Scalar, Shape, Type};

/// Types of C with a filter in every RPC library; a definition in the file comes before these.
pub(super) fn c_type(name: &str) -> Option<Scalar> {
    Some(match name {
        "bool_t" => Scalar::Bool,
        "int8_t" => Scalar::I8,
        "u_char" | "uint8_t" | "u_int8_t" => Scalar::U8,
        "int16_t" => Scalar::I16,
        "u_short" | "uint16_t" | "u_int16_t" => Scalar::U16,
        "int32_t" | "enum_t" => Scalar::I32,
        // xdr_u_long carries 4 octets, whatever C's type has.
        "u_int" | "u_long" | "uint32_t" | "u_int32_t" | "uint" | "ulong" => Scalar::U32,
        "rpcprog_t" | "rpcvers_t" | "rpcproc_t" | "rpcprot_t" | "rpcport_t" => Scalar::U32,
        "quad_t" | "longlong_t" | "int64_t" => Scalar::I64,
        "u_quad_t" | "u_longlong_t" | "uint64_t" | "u_int64_t" => Scalar::U64,
        _ => return None,
    })
}

/// Types that files use because C's `rpc/types.h`, `rpc/xdr.h`, `rpc/key_prot.h` or `rpc/auth_sys.h` defines them.
pub(super) fn header_type(name: &str) -> Option<(ItemKind, &'static str)> {
    Some(match name {
        "netobj" => (
            ItemKind::Typedef(Shape::Opaque(Bound::number(1024))),
            "typedef opaque netobj<1024>;",
        ),
        "des_block" => (
            ItemKind::Typedef(Shape::FixedOpaque(Bound::number(8))),
            "typedef opaque des_block[8];",
        ),
        // RFC 5531 appendix A.
        "authsys_parms" => {
            let number = || Shape::Plain(Type::Scalar(Scalar::U32));
            let field = |name: &str, text: &str, shape| Field {
                name: name.to_owned(),
                docs: Vec::new(),
                text: text.to_owned(),
                shape,
            };
            let fields = vec![
                field("stamp", "unsigned int stamp", number()),
                field(
                    "machinename",
                    "string machinename<255>",
                    Shape::Text(Bound::number(255)),
                ),
                field("uid", "unsigned int uid", number()),
                field("gid", "unsigned int gid", number()),
                field(
                    "gids",
                    "unsigned int gids<16>",
                    Shape::Array(Type::Scalar(Scalar::U32), Bound::number(16)),
                ),
            ];
            let text = "struct authsys_parms { unsigned int stamp; string machinename<255>; unsigned int uid; unsigned int gid; unsigned int gids<16>; };";
            (ItemKind::Struct(fields), text)
        }
        _ => return None,
    })
}

/// Constants that files use because C's `rpc/auth.h`, `rpc/rpc_msg.h` or `rpc/key_prot.h` defines them.
pub(super) fn header_constant(name: &str) -> Option<i128> {
    Some(match name {
        "AUTH_NONE" | "AUTH_NULL" => 0,
        "AUTH_SYS" | "AUTH_UNIX" => 1,
        "AUTH_SHORT" => 2,
        "AUTH_DH" | "AUTH_DES" => 3,
        "RPCSEC_GSS" => 6,
        "RPC_MSG_VERSION" => 2,
        "MAX_AUTH_BYTES" => 400,
        "MAXNETNAMELEN" => 255,
        "MAX_NETOBJ_SZ" => 1024,
        _ => return None,
    })
}
