//! Any text as any kind of input: read, built and compiled without a panic, whatever it says.
//!
//! The first byte chooses the name under which the text is read, since the kind is recognised by content and name.
#![no_main]

use formats::load::{LoadOptions, Loader};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 4] = ["network.json", "network.yaml", "network.parameters.json", "gw.learned-routes.json"];

fuzz_target!(|data: &[u8]| {
    let Some((&first, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let mut loader = Loader::new(LoadOptions::default());
    loader.add_text(NAMES[usize::from(first) % NAMES.len()], text);
    if let Ok(loaded) = loader.finish() {
        let _ = control::compile(&loaded.network);
    }
});
