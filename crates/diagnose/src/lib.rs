//! Why a packet lived or died, and what to change.
