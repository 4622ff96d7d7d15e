//! Ours against implementations nobody here wrote.

mod support_works;
