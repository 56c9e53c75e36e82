//! One row a variant in, an enum that knows its words out: a code for programs, a phrase for people.

/// Declares an enum that names a kind. Each row has the variant, the code that programs rely on
/// (stable, snake_case), and the phrase that people read (lower case, without a full stop).
///
/// The enum gets `code()`, `Display` (the phrase), the order of its rows and, with the feature `serde`,
/// `Serialize` (the code).
macro_rules! kind {
    (
        $(#[$attribute:meta])*
        pub enum $name:ident {
            $($(#[$doc:meta])+ $variant:ident = $code:literal, $phrase:literal;)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])+ $variant,)+
        }

        impl $name {
            /// Every kind there is, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable word for programs, in snake_case.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $phrase,)+
                })
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.code())
            }
        }
    };
}

pub(crate) use kind;

#[cfg(test)]
mod tests {
    #![allow(unreachable_pub)] // the macro is for public enums

    kind! {
        /// Two of them.
        pub enum Two {
            /// The first.
            First = "first_one", "the first one";
            /// The second.
            Second = "second_one", "the second one";
        }
    }

    #[test]
    fn a_kind_has_a_code_and_a_phrase() {
        let words: Vec<_> = Two::ALL.iter().map(|two| (two.code(), two.to_string())).collect();
        let expected = [("first_one", "the first one"), ("second_one", "the second one")];
        assert_eq!(words, expected.map(|(code, phrase)| (code, phrase.to_owned())));
    }
}
