//! What is called when the addon is loaded.

use neon::prelude::*;

use crate::sys::Env;

#[neon::main]
fn main(mut cx: ModuleContext) -> NeonResult<()> {
    let exports = cx.exports_object()?;
    let env = Env::from_neon(&mut cx);
    // Not by Neon's functions: they panic in a thread that is being terminated, which would abort the process.
    crate::register(env, env.value_of(&exports));
    Ok(())
}
