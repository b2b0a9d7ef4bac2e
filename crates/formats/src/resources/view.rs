//! Looks into one resource, whether its properties are nested (REST, templates) or flattened (az CLI).

use crate::json::{Object, Value};
use crate::source::Span;

/// A resource, or an object inside one, with everything the input says of it.
///
/// The same resource may come in several documents (`az vm list`, `az network nic list`): the first that has a property counts,
/// the later ones fill gaps. In each document the keys under `properties` go before those beside it. `null` counts as missing, and
/// so does an empty text: templates write `""` where they mean nothing.
#[derive(Clone, Debug)]
pub(crate) struct View<'a> {
    layers: Vec<Layer<'a>>,
    span: Span,
    /// How this object is reached from its resource, e.g. `properties.ipConfigurations[0]`; empty for the resource itself.
    path: String,
}

#[derive(Clone, Copy, Debug)]
struct Layer<'a> {
    object: &'a Object,
    nested: bool,
}

impl<'a> View<'a> {
    /// A resource as the documents hold it, the most important first.
    pub(crate) fn of_resource(documents: impl IntoIterator<Item = &'a Value>, span: Span) -> Self {
        Self {
            layers: layers(documents),
            span,
            path: String::new(),
        }
    }

    /// This object with documents that go before what it says.
    pub(crate) fn after(mut self, documents: &'a [Value]) -> Self {
        let mut first = layers(documents);
        first.append(&mut self.layers);
        self.layers = first;
        self
    }

    /// Where the object stands.
    pub(crate) fn span(&self) -> Span {
        self.span
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        self.find(key).map(|(value, _)| value)
    }

    /// The first of several keys that has a value.
    pub(crate) fn first(&self, keys: &[&'static str]) -> Option<(&'static str, &'a Value)> {
        keys.iter().find_map(|&key| Some((key, self.get(key)?)))
    }

    /// How a property of this object is reached from its resource.
    pub(crate) fn path(&self, key: &str) -> String {
        let nested = match self.find(key) {
            Some((_, nested)) => nested,
            None => self.layers.first().is_some_and(|layer| layer.nested),
        };
        let dot = if self.path.is_empty() { "" } else { "." };
        let properties = if nested { "properties." } else { "" };
        format!("{}{dot}{properties}{key}", self.path)
    }

    /// How this object is reached from its resource.
    pub(crate) fn own_path(&self) -> &str {
        &self.path
    }

    /// The object under a key; `None` if it is missing or no object.
    pub(crate) fn object(&self, key: &str) -> Option<View<'a>> {
        let value = self.get(key)?;
        value.as_object()?;
        Some(View {
            layers: layers([value]),
            span: value.span,
            path: self.path(key),
        })
    }

    /// The objects of an array under a key. What is no object is handed to `stray`.
    pub(crate) fn objects(
        &self,
        key: &str,
        mut stray: impl FnMut(&'a Value, String),
    ) -> Vec<View<'a>> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let path = self.path(key);
        let Some(values) = value.as_array() else {
            stray(value, path);
            return Vec::new();
        };
        let mut views = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            let path = format!("{path}[{index}]");
            match value.as_object() {
                Some(_) => views.push(View {
                    layers: layers([value]),
                    span: value.span,
                    path,
                }),
                None if value.is_null() => {}
                None => stray(value, path),
            }
        }
        views
    }

    /// True if a key holds a non-empty array or object.
    pub(crate) fn has_any(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| {
            value.as_array().is_some_and(|values| !values.is_empty())
                || value.as_object().is_some_and(|object| !object.is_empty())
        })
    }

    fn find(&self, key: &str) -> Option<(&'a Value, bool)> {
        self.layers
            .iter()
            .filter_map(|layer| Some((layer.object.get(key)?, layer.nested)))
            .find(|(value, _)| !value.is_null() && value.as_str() != Some(""))
    }
}

fn layers<'a>(documents: impl IntoIterator<Item = &'a Value>) -> Vec<Layer<'a>> {
    let mut layers = Vec::with_capacity(2);
    for document in documents {
        let Some(object) = document.as_object() else {
            continue;
        };
        if let Some(properties) = object.get("properties").and_then(Value::as_object) {
            layers.push(Layer {
                object: properties,
                nested: true,
            });
        }
        layers.push(Layer {
            object,
            nested: false,
        });
    }
    layers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{diagnostic::Diagnostics, json, source::Sources};

    fn value(text: &str) -> Value {
        let mut sources = Sources::new();
        let file = sources
            .add("t.json", text, &mut Diagnostics::new())
            .unwrap();
        json::parse(&sources, file, &mut Diagnostics::new()).unwrap()
    }

    #[test]
    fn nested_and_flattened_properties_are_found_and_later_documents_fill_gaps() {
        let rest = value(
            r#"{"name": "n", "properties": {"primary": true, "dnsSettings": null, "macAddress": ""}}"#,
        );
        let flat = value(
            r#"{"name": "n", "primary": false, "dnsSettings": {"a": 1}, "macAddress": "00-0D-3A-00-00-01"}"#,
        );
        let view = View::of_resource([&rest, &flat], rest.span);
        assert_eq!(view.get("primary").unwrap().as_bool(), Some(true));
        assert!(view.has_any("dnsSettings"));
        assert_eq!(
            view.get("MACADDRESS").unwrap().as_str(),
            Some("00-0D-3A-00-00-01")
        );
        assert_eq!(
            (view.path("primary"), view.path("macAddress")),
            ("properties.primary".into(), "macAddress".into())
        );
    }

    #[test]
    fn the_path_of_an_inner_property_is_the_one_in_the_file() {
        let nic = value(
            r#"{"properties": {"ipConfigurations": [{"name": "a", "properties": {"subnet": {"id": "x"}}}, 7]}}"#,
        );
        let view = View::of_resource([&nic], nic.span);
        let mut strays = Vec::new();
        let configurations = view.objects("ipConfigurations", |_, path| strays.push(path));
        assert_eq!(
            configurations[0].path("subnet"),
            "properties.ipConfigurations[0].properties.subnet"
        );
        assert_eq!(strays, ["properties.ipConfigurations[1]"]);
    }
}
