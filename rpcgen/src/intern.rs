//! Names as numbers: each spelling is stored once, and the words of the language have numbers known beforehand.

use std::collections::HashMap;
use std::rc::Rc;

/// A name, or the text of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Symbol(u32);

impl Symbol {
    /// Position in a table with an entry for every name.
    pub(crate) fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// As the payload of a token.
    pub(crate) fn number(self) -> u64 {
        u64::from(self.0)
    }

    /// From the payload of a token.
    pub(crate) fn from_number(number: u64) -> Self {
        Self(u32::try_from(number).unwrap_or(0))
    }
}

macro_rules! words {
    ($($name:ident = $text:literal,)*) => {
        /// The words the front end looks for, numbered in this order.
        #[expect(clippy::upper_case_acronyms, reason = "the names of the constants below, used for their numbers only")]
        enum Word { $($name,)* }

        /// The names of the language.
        pub(crate) mod word {
            use super::{Symbol, Word};
            $(pub(crate) const $name: Symbol = Symbol(Word::$name as u32);)*
        }

        const WORDS: &[&str] = &[$($text,)*];
    };
}

words! {
    // RFC 4506 §6.4 (1): these are keywords.
    BOOL = "bool", CASE = "case", CONST = "const", DEFAULT = "default", DOUBLE = "double", QUADRUPLE = "quadruple",
    ENUM = "enum", FLOAT = "float", HYPER = "hyper", INT = "int", OPAQUE = "opaque", STRING = "string",
    STRUCT = "struct", SWITCH = "switch", TYPEDEF = "typedef", UNION = "union", UNSIGNED = "unsigned", VOID = "void",
    // RFC 5531 §12.3 adds these.
    PROGRAM = "program", VERSION = "version",
    // Words of C that files use for types.
    SIGNED = "signed", LONG = "long", SHORT = "short", CHAR = "char",
    // Other dialects.
    NAMESPACE = "namespace", PRAGMA = "pragma",
    // Values.
    TRUE = "TRUE", FALSE = "FALSE",
    // The preprocessor.
    DEFINED = "defined", DEFINE = "define", UNDEF = "undef", INCLUDE = "include", IF = "if", IFDEF = "ifdef",
    IFNDEF = "ifndef", ELIF = "elif", ELSE = "else", ENDIF = "endif", ERROR = "error", WARNING = "warning",
    LINE = "line", IDENT = "ident", ONCE = "once",
}

/// Whether RFC 4506 §6.4 (1) forbids the name as an identifier.
pub(crate) fn is_keyword(name: Symbol) -> bool {
    name <= word::VOID
}

/// All names of a run.
#[derive(Debug)]
pub(crate) struct Interner {
    numbers: HashMap<Rc<str>, u32>,
    names: Vec<Rc<str>>,
}

impl Interner {
    pub(crate) fn new() -> Self {
        let mut new = Self {
            numbers: HashMap::with_capacity(4096),
            names: Vec::with_capacity(4096),
        };
        for word in WORDS {
            new.intern(word);
        }
        new
    }

    /// The number of a name, which is given one if it is new.
    pub(crate) fn intern(&mut self, name: &str) -> Symbol {
        if let Some(&number) = self.numbers.get(name) {
            return Symbol(number);
        }
        // The texts of a run are limited to 64 MiB, so there are fewer names than numbers.
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let shared: Rc<str> = name.into();
        self.names.push(Rc::clone(&shared));
        self.numbers.insert(shared, number);
        Symbol(number)
    }

    /// The spelling.
    pub(crate) fn name(&self, symbol: Symbol) -> &str {
        self.names.get(symbol.index()).map_or("", |name| name)
    }

    /// How many names there are.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{Interner, WORDS, is_keyword, word};

    #[test]
    fn words_have_their_numbers() {
        let mut interner = Interner::new();
        assert_eq!(interner.len(), WORDS.len());
        assert_eq!(interner.intern("void"), word::VOID);
        assert_eq!(interner.name(word::ENDIF), "endif");
        assert!(is_keyword(word::BOOL) && is_keyword(word::VOID) && !is_keyword(word::PROGRAM));
    }
}
