//! What a file of promises looks like: one type for the schema that is published and the check of what is read.

#![expect(
    dead_code,
    reason = "the shapes are read through their schema, which keeps places; see the scenario's"
)]

use schemars::JsonSchema;

/// What a team promises about its network; `vnetsim check` holds it against the network.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Promises {
    /// The promises, in the order of the report.
    promises: Vec<Promise>,
}

/// One promise: what must be so, who answers for it, and until when. Exactly one of must, must-not, must-pass-through,
/// must-not-pass-through and max-latency says what.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Promise {
    /// Name of one line, unique in the file.
    name: String,
    /// Every pair is reachable: the probe arrives, and so does its reply.
    #[serde(default)]
    must: Option<Must>,
    /// No probe arrives, whatever would become of a reply.
    #[serde(default)]
    must_not: Option<MustNot>,
    /// What arrives, and its reply, has passed one of some devices. Pairs that do not reach each other keep it.
    #[serde(default)]
    must_pass_through: Option<MustPassThrough>,
    /// What arrives, and its reply, has passed none of some devices.
    #[serde(default)]
    must_not_pass_through: Option<MustNotPassThrough>,
    /// Every pair answers in time, by the medians of the latency model.
    #[serde(default)]
    max_latency: Option<MaxLatency>,
    /// Who answers for it.
    #[serde(default)]
    owner: Option<String>,
    /// Why it is promised.
    #[serde(default)]
    reason: Option<String>,
    /// The last day on which it holds, as 2027-06-30. Later it is reported as expired.
    #[serde(default)]
    expires: Option<String>,
    /// Selectors that select nothing are no error: the promise is then kept.
    #[serde(default)]
    allow_empty: Option<bool>,
}

/// One text or several.
#[derive(JsonSchema)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    /// A single text.
    One(String),
    /// A list.
    Many(Vec<String>),
}

macro_rules! bodies {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* })+) => {$(
        $(#[$doc])*
        #[derive(JsonSchema)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub(super) struct $name {
            /// Who asks: a selector as subnet:prod/web, vm:web*, 10.1.0.0/16, internet, !vm:jump, or a list of them.
            from: OneOrMany,
            /// Who is asked: a selector, or a list of them.
            to: OneOrMany,
            $($(#[$field_doc])* $field: $kind,)*
            /// The same is promised from `to` to `from`.
            #[serde(default)]
            both_ways: Option<bool>,
        }
    )+};
}

bodies! {
    /// Every pair is reachable.
    Must {
        /// For what: icmp, tcp/443, udp/53; tcp/any is one port or another, tcp/all every port. Each of a list is promised.
        service: OneOrMany,
        /// The probe counts alone, without its reply.
        #[serde(default)]
        forward: Option<bool>,
    }
    /// No probe arrives.
    MustNot {
        /// For what: icmp, tcp/443, tcp/any, ...; everything unless said.
        #[serde(default)]
        service: Option<OneOrMany>,
    }
    /// What arrives has passed one of these devices.
    MustPassThrough {
        /// vm:NAME, firewall:NAME, appliance:NAME, gateway:NAME, loadbalancer:NAME, nic:NAME, a resource id, or a list of them.
        through: OneOrMany,
        /// For what.
        service: OneOrMany,
        /// The probe counts alone, without its reply.
        #[serde(default)]
        forward: Option<bool>,
    }
    /// What arrives has passed none of these devices.
    MustNotPassThrough {
        /// As for must-pass-through.
        through: OneOrMany,
        /// For what; everything unless said.
        #[serde(default)]
        service: Option<OneOrMany>,
        /// The probe counts alone, without its reply.
        #[serde(default)]
        forward: Option<bool>,
    }
    /// Every pair answers in time.
    MaxLatency {
        /// Milliseconds, there and back.
        ms: f64,
        /// For what.
        service: OneOrMany,
        /// One way only.
        #[serde(default)]
        forward: Option<bool>,
    }
}
