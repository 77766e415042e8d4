//! The documentation, for authors of clients and for operators. A server serves it at `/docs`.

mod page;

pub use page::{ICON, STYLE, html};

/// The API for programs: OpenAPI 3.1, as it is at `/openapi.json`.
pub const OPENAPI: &str = include_str!("openapi.json");
/// The events of Socket.IO for programs: AsyncAPI 3.0, as it is at `/asyncapi.json`.
pub const ASYNCAPI: &str = include_str!("asyncapi.json");

/// A document, as it is in the program.
#[derive(Debug, Clone, Copy)]
pub struct Document {
    /// The document's name in URLs.
    pub name: &'static str,
    /// The document's text, in Markdown.
    pub text: &'static str,
}

impl Document {
    /// The document's first heading.
    pub fn title(&self) -> &'static str {
        self.text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or(self.name)
    }
}

/// Targets of the labels by which documents link to each other. At the end of each text the targets are
/// files. These come first and count in the documentation of the crate, where they are checked.
macro_rules! labels {
    () => {
        "[overview]: crate::docs::overview\n[api]: crate::docs::api\n[events]: crate::docs::events\n\
         [errors]: crate::docs::errors\n[front end]: crate::docs::front_end\n\
         [operation]: crate::docs::operation\n[settings]: crate::docs::settings\n\
         [bounds]: crate::docs::bounds\n[moving]: crate::docs::moving\n\
         [openapi.json]: crate::docs::OPENAPI\n[asyncapi.json]: crate::docs::ASYNCAPI\n"
    };
}

macro_rules! documents {
    ($($module:ident = $name:literal),* $(,)?) => {
        $(
            #[doc = labels!()]
            #[doc = include_str!(concat!($name, ".md"))]
            pub mod $module {}
        )*

        /// All documents, in reading order.
        pub const DOCUMENTS: &[Document] = &[
            $(Document { name: $name, text: include_str!(concat!($name, ".md")) },)*
        ];
    };
}

documents! {
    overview = "overview",
    front_end = "front-end",
    api = "api",
    events = "events",
    errors = "errors",
    operation = "operation",
    settings = "settings",
    bounds = "bounds",
    moving = "moving",
}
