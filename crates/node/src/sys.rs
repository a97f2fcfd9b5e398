//! Node-API, as far as the hot path goes below Neon: all `unsafe` of this crate.
//!
//! A Neon call costs about 45 ns, a bare Node-API call about 19 ns; a point read takes about 1,000 ns.
//! Values live as long as the call that they came with, which the lifetime of [`Env`] stands for.

use std::any::Any;
use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;
use std::rc::Rc;
use std::sync::OnceLock;

use ferrolite_sqlite::Params;
use neon::context::{Context, Cx};
use neon::sys::bindings as napi;
use neon::types::{Finalize, JsBox, JsObject};

pub use napi::ValueType;

/// The environment during one call into or out of JavaScript.
#[derive(Clone, Copy)]
pub struct Env<'e> {
    raw: napi::Env,
    scope: PhantomData<&'e ()>,
}

/// A JavaScript value of that call.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Value<'e> {
    raw: napi::Value,
    scope: PhantomData<&'e ()>,
}

/// A JavaScript exception is pending, or the environment is shutting down.
#[derive(Debug, Clone, Copy)]
pub struct Thrown;

pub type Result<T> = std::result::Result<T, Thrown>;

/// An environment to come back to from a callback of `SQLite`; it stays on its thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RawEnv(napi::Env);

/// The symbols that Neon lacks.
struct Extra {
    create_string_latin1: CreateString<c_char>,
    create_string_utf16: CreateString<u16>,
    get_dataview_info: GetDataview,
    is_dataview: IsDataview,
    create_buffer_copy: CreateBufferCopy,
    add_env_cleanup_hook: AddCleanupHook,
}

type CreateString<C> = unsafe extern "C" fn(napi::Env, *const C, usize, *mut napi::Value) -> c_int;
type GetDataview = unsafe extern "C" fn(
    napi::Env,
    napi::Value,
    *mut usize,
    *mut *mut c_void,
    *mut napi::Value,
    *mut usize,
) -> c_int;
type IsDataview = unsafe extern "C" fn(napi::Env, napi::Value, *mut bool) -> c_int;
type CreateBufferCopy = unsafe extern "C" fn(
    napi::Env,
    usize,
    *const c_void,
    *mut *mut c_void,
    *mut napi::Value,
) -> c_int;
type AddCleanupHook = unsafe extern "C" fn(
    napi::Env,
    Option<unsafe extern "C" fn(*mut c_void)>,
    *mut c_void,
) -> c_int;

static EXTRA: OnceLock<Extra> = OnceLock::new();

/// Loads the extra symbols from the host; false if it has none of them.
pub fn load() -> bool {
    if EXTRA.get().is_some() {
        return true;
    }
    // SAFETY: the names are Node-API's and the types are those of its header.
    let loaded = unsafe {
        #[cfg(not(windows))]
        let host: libloading::Library = libloading::os::unix::Library::this().into();
        #[cfg(windows)]
        let host: libloading::Library = match libloading::os::windows::Library::this() {
            Ok(host) => host.into(),
            Err(_) => return false,
        };
        load_from(&host)
    };
    match loaded {
        Ok(extra) => EXTRA.set(extra).is_ok() || EXTRA.get().is_some(),
        Err(_) => false,
    }
}

/// # Safety
/// `host` exports Node-API.
unsafe fn load_from(host: &libloading::Library) -> std::result::Result<Extra, libloading::Error> {
    // SAFETY: forwarded from the caller.
    unsafe {
        Ok(Extra {
            create_string_latin1: *host.get(b"napi_create_string_latin1\0")?,
            create_string_utf16: *host.get(b"napi_create_string_utf16\0")?,
            get_dataview_info: *host.get(b"napi_get_dataview_info\0")?,
            is_dataview: *host.get(b"napi_is_dataview\0")?,
            create_buffer_copy: *host.get(b"napi_create_buffer_copy\0")?,
            add_env_cleanup_hook: *host.get(b"napi_add_env_cleanup_hook\0")?,
        })
    }
}

#[inline]
fn extra() -> Result<&'static Extra> {
    EXTRA.get().ok_or(Thrown)
}

#[inline]
fn ok(status: std::result::Result<(), napi::Status>) -> Result<()> {
    status.map_err(|_| Thrown)
}

/// Runs a Node-API call that returns its result through a pointer.
macro_rules! value {
    (|$out:ident| $call:expr) => {{
        let mut $out = MaybeUninit::uninit();
        // SAFETY: the environment is live for `'e`, and values of it are only used within that.
        let status = unsafe { $call };
        ok(status)?;
        // SAFETY: Node-API filled it in when it answered Ok.
        unsafe { $out.assume_init() }
    }};
}

impl RawEnv {
    /// Runs `callback` in a handle scope of its own. `None` when there is none to be had.
    pub fn enter<R>(self, callback: impl FnOnce(Env<'_>) -> R) -> Option<R> {
        let mut scope = MaybeUninit::uninit();
        // SAFETY: called on the thread of the environment while it lives (see `State`).
        unsafe {
            ok(napi::open_handle_scope(self.0, scope.as_mut_ptr())).ok()?;
            let result = callback(Env {
                raw: self.0,
                scope: PhantomData,
            });
            let _ = napi::close_handle_scope(self.0, scope.assume_init());
            Some(result)
        }
    }
}

impl<'e> Env<'e> {
    /// The environment of a Neon context.
    pub fn from_neon(cx: &mut Cx<'e>) -> Self {
        Self {
            raw: cx.to_raw(),
            scope: PhantomData,
        }
    }

    pub fn raw(self) -> RawEnv {
        RawEnv(self.raw)
    }

    fn wrap(raw: napi::Value) -> Value<'e> {
        Value {
            raw,
            scope: PhantomData,
        }
    }

    /// A value of the same call, seen with this environment's lifetime.
    #[allow(clippy::unused_self)] // what the lifetime is taken from
    pub fn adopt(self, value: Value<'_>) -> Value<'e> {
        Self::wrap(value.raw)
    }

    pub fn undefined(self) -> Result<Value<'e>> {
        Ok(Self::wrap(value!(|out| napi::get_undefined(
            self.raw,
            out.as_mut_ptr()
        ))))
    }

    pub fn null(self) -> Result<Value<'e>> {
        Ok(Self::wrap(value!(|out| napi::get_null(
            self.raw,
            out.as_mut_ptr()
        ))))
    }

    pub fn boolean(self, value: bool) -> Result<Value<'e>> {
        Ok(Self::wrap(value!(|out| napi::get_boolean(
            self.raw,
            value,
            out.as_mut_ptr()
        ))))
    }

    pub fn number(self, value: f64) -> Result<Value<'e>> {
        Ok(Self::wrap(value!(|out| napi::create_double(
            self.raw,
            value,
            out.as_mut_ptr()
        ))))
    }

    pub fn bigint(self, value: i64) -> Result<Value<'e>> {
        Ok(Self::wrap(value!(|out| napi::create_bigint_int64(
            self.raw,
            value,
            out.as_mut_ptr()
        ))))
    }

    pub fn latin1(self, text: &[u8]) -> Result<Value<'e>> {
        let create = extra()?.create_string_latin1;
        let mut out = MaybeUninit::uninit();
        // SAFETY: pointer and length of a slice.
        unsafe {
            if create(self.raw, text.as_ptr().cast(), text.len(), out.as_mut_ptr()) != 0 {
                return Err(Thrown);
            }
            Ok(Self::wrap(out.assume_init()))
        }
    }

    pub fn utf16(self, text: &[u16]) -> Result<Value<'e>> {
        let create = extra()?.create_string_utf16;
        let mut out = MaybeUninit::uninit();
        // SAFETY: pointer and length of a slice.
        unsafe {
            if create(self.raw, text.as_ptr(), text.len(), out.as_mut_ptr()) != 0 {
                return Err(Thrown);
            }
            Ok(Self::wrap(out.assume_init()))
        }
    }

    /// Text that may not be valid UTF-8: what is wrong becomes U+FFFD.
    pub fn utf8(self, text: &[u8]) -> Result<Value<'e>> {
        if text.is_ascii() {
            return self.latin1(text);
        }
        let (at, len) = (text.as_ptr().cast(), text.len());
        Ok(Self::wrap(value!(|out| napi::create_string_utf8(
            self.raw,
            at,
            len,
            out.as_mut_ptr()
        ))))
    }

    pub fn object(self) -> Result<Value<'e>> {
        Ok(Self::wrap(value!(|out| napi::create_object(
            self.raw,
            out.as_mut_ptr()
        ))))
    }

    pub fn array(self, len: usize) -> Result<Value<'e>> {
        Ok(Self::wrap(value!(|out| napi::create_array_with_length(
            self.raw,
            len,
            out.as_mut_ptr()
        ))))
    }

    /// A Buffer with a copy of `bytes`.
    pub fn buffer(self, bytes: &[u8]) -> Result<Value<'e>> {
        let create = extra()?.create_buffer_copy;
        let mut out = MaybeUninit::uninit();
        let mut data = ptr::null_mut();
        // SAFETY: pointer and length of a slice.
        unsafe {
            let at = if bytes.is_empty() {
                ptr::null()
            } else {
                bytes.as_ptr().cast()
            };
            if create(self.raw, bytes.len(), at, &raw mut data, out.as_mut_ptr()) != 0 {
                return Err(Thrown);
            }
            Ok(Self::wrap(out.assume_init()))
        }
    }

    pub fn error(self, kind: ErrorKind, message: &str) -> Result<Value<'e>> {
        let message = self.utf8(message.as_bytes())?.raw;
        let code = ptr::null_mut();
        Ok(Self::wrap(match kind {
            ErrorKind::Type => {
                value!(|out| napi::create_type_error(self.raw, code, message, out.as_mut_ptr()))
            }
            ErrorKind::Plain => {
                value!(|out| napi::create_error(self.raw, code, message, out.as_mut_ptr()))
            }
            ErrorKind::Range => {
                value!(|out| napi::create_range_error(self.raw, code, message, out.as_mut_ptr()))
            }
        }))
    }

    /// Makes `value` the pending exception.
    pub fn throw(self, value: Value<'_>) -> Thrown {
        // SAFETY: live. It fails only when an exception is pending already or none can be.
        let _ = unsafe { napi::throw(self.raw, value.raw) };
        Thrown
    }

    pub fn throw_error(self, kind: ErrorKind, message: &str) -> Thrown {
        match self.error(kind, message) {
            Ok(error) => self.throw(error),
            Err(thrown) => thrown,
        }
    }

    /// Takes the pending exception; `undefined` if the environment is going down.
    pub fn take_exception(self) -> Result<Value<'e>> {
        Ok(Self::wrap(value!(
            |out| napi::get_and_clear_last_exception(self.raw, out.as_mut_ptr())
        )))
    }

    pub fn call(
        self,
        function: Value<'_>,
        this: Value<'_>,
        args: &[Value<'_>],
    ) -> Result<Value<'e>> {
        // Value is a wrapped pointer with no other field.
        let argv = args.as_ptr().cast::<napi::Value>();
        let len = args.len();
        Ok(Self::wrap(value!(|out| napi::call_function(
            self.raw,
            this.raw,
            function.raw,
            len,
            argv,
            out.as_mut_ptr()
        ))))
    }

    pub fn reference(self, value: Value<'_>) -> Result<Ref> {
        let raw = value!(|out| napi::create_reference(self.raw, value.raw, 1, out.as_mut_ptr()));
        Ok(Ref { env: self.raw, raw })
    }

    /// Runs `hook` when the environment ends, before its values are gone.
    pub fn on_cleanup<T: 'static>(self, data: Rc<T>, hook: fn(&T)) -> Result<()> {
        let add = extra()?.add_env_cleanup_hook;
        let boxed = Box::into_raw(Box::new((data, hook)));
        // SAFETY: `run_hook::<T>` takes the box back, once.
        let status = unsafe { add(self.raw, Some(run_hook::<T>), boxed.cast()) };
        if status == 0 {
            Ok(())
        } else {
            Err(Thrown)
        }
    }

    /// A `JsBox` with `value`.
    pub fn boxed<T: Finalize + 'static>(self, value: T) -> Value<'e> {
        // SAFETY: the environment is live and this is its thread.
        let mut cx = unsafe { Cx::from_raw(self.raw) };
        let boxed = JsBox::new(&mut cx, value);
        Self::wrap(neon::types::Value::to_raw(&*boxed))
    }

    /// Adds a function to an object.
    pub fn export(
        self,
        object: Value<'_>,
        name: &str,
        callback: Callback,
        data: *const c_void,
    ) -> Result<()> {
        let (at, len) = (name.as_ptr().cast(), name.len());
        let data = data.cast_mut();
        let function = value!(|out| napi::create_function(
            self.raw,
            at,
            len,
            Some(callback),
            data,
            out.as_mut_ptr()
        ));
        object.set(self, self.utf8(name.as_bytes())?, Self::wrap(function))
    }

    /// The raw value of a Neon object.
    #[allow(clippy::unused_self)] // what the lifetime is taken from
    pub fn value_of(self, object: &JsObject) -> Value<'e> {
        Self::wrap(neon::types::Value::to_raw(object))
    }
}

pub type Callback = unsafe extern "C" fn(napi::Env, napi::CallbackInfo) -> napi::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    Plain,
    Type,
    Range,
}

impl<'e> Value<'e> {
    #[inline]
    pub fn type_of(self, env: Env<'e>) -> ValueType {
        let mut kind = ValueType::Undefined;
        // SAFETY: live. It fails only for null arguments.
        let _ = unsafe { napi::typeof_value(env.raw, self.raw, &raw mut kind) };
        kind
    }

    /// The number, or NaN if it is none.
    #[inline]
    pub fn as_f64(self, env: Env<'e>) -> f64 {
        let mut number = f64::NAN;
        // SAFETY: live; untouched on failure.
        let _ = unsafe { napi::get_value_double(env.raw, self.raw, &raw mut number) };
        number
    }

    /// The number as an integer, 0 if it is none or out of range.
    #[allow(clippy::cast_possible_truncation)] // `as` saturates; callers pass checked integers
    pub fn as_i32(self, env: Env<'e>) -> i32 {
        self.as_f64(env) as i32
    }

    pub fn as_bool(self, env: Env<'e>) -> bool {
        let mut value = false;
        // SAFETY: live; untouched on failure.
        let _ = unsafe { napi::get_value_bool(env.raw, self.raw, &raw mut value) };
        value
    }

    /// A `BigInt` that fits 64 bits.
    pub fn as_i64(self, env: Env<'e>) -> Option<i64> {
        let (mut value, mut lossless) = (0, false);
        // SAFETY: live.
        let status = unsafe {
            napi::get_value_bigint_int64(env.raw, self.raw, &raw mut value, &raw mut lossless)
        };
        (ok(status).is_ok() && lossless).then_some(value)
    }

    /// Appends the string as UTF-8 and returns its length in bytes; lone surrogates become U+FFFD. `None`
    /// if it has `longest` UTF-16 units or more.
    #[inline]
    pub fn append_utf8(
        self,
        env: Env<'e>,
        out: &mut Vec<u8>,
        longest: usize,
    ) -> Result<Option<usize>> {
        const FIRST_TRY: usize = 256;
        let start = out.len();
        out.reserve(FIRST_TRY);
        let room = out.capacity() - start;
        let mut len = 0;
        // SAFETY: the spare capacity of `out`, with its size.
        unsafe {
            let at = out.as_mut_ptr().add(start).cast();
            ok(napi::get_value_string_utf8(
                env.raw,
                self.raw,
                at,
                room.min(FIRST_TRY),
                &raw mut len,
            ))?;
        }
        // The terminator takes a byte, and a character of up to 4 bytes may not have fitted.
        if len + 4 >= FIRST_TRY {
            match self.append_long(env, out, longest)? {
                Some(whole) => len = whole,
                None => return Ok(None),
            }
        }
        // SAFETY: Node-API wrote `len` bytes there.
        unsafe { out.set_len(start + len) };
        Ok(Some(len))
    }

    /// Writes a long string behind the bytes of `out`, whose length the caller sets.
    #[cold]
    fn append_long(self, env: Env<'e>, out: &mut Vec<u8>, longest: usize) -> Result<Option<usize>> {
        let (start, mut len) = (out.len(), 0);
        // SAFETY: a null buffer asks for the length, which for UTF-16 is known.
        ok(unsafe {
            napi::get_value_string_utf16(env.raw, self.raw, ptr::null_mut(), 0, &raw mut len)
        })?;
        if len >= longest {
            return Ok(None);
        }
        // SAFETY: as above; then the spare capacity of `out`, with its size.
        unsafe {
            ok(napi::get_value_string_utf8(
                env.raw,
                self.raw,
                ptr::null_mut(),
                0,
                &raw mut len,
            ))?;
            out.reserve(len + 1);
            let room = out.capacity() - start;
            let at = out.as_mut_ptr().add(start).cast();
            ok(napi::get_value_string_utf8(
                env.raw,
                self.raw,
                at,
                room,
                &raw mut len,
            ))?;
        }
        Ok(Some(len))
    }

    pub fn to_utf8(self, env: Env<'e>) -> Result<String> {
        let mut bytes = Vec::new();
        self.append_utf8(env, &mut bytes, usize::MAX)?;
        String::from_utf8(bytes).map_err(|_| Thrown)
    }

    /// Appends the bytes of a Buffer, typed array or `DataView`; `None` if it is none of them.
    pub fn append_bytes(self, env: Env<'e>, out: &mut Vec<u8>) -> Option<usize> {
        let (at, len) = self.view(env)?;
        if len > 0 && !at.is_null() {
            // SAFETY: Node-API says that `len` bytes are there; no JavaScript runs while they are copied.
            out.extend_from_slice(unsafe { std::slice::from_raw_parts(at.cast(), len) });
        }
        Some(len)
    }

    /// Adds a large typed array as a parameter without copying it; false if it is none, or is shared with
    /// other threads. The caller sees to it that no JavaScript runs before the parameters are dropped.
    #[inline]
    pub fn lend_bytes(self, env: Env<'e>, params: &mut Params) -> bool {
        // Copying less than this costs less than asking.
        const WORTH_IT: usize = 16 * 1024;
        let Some((at, len, buffer)) = self.typed_array(env) else {
            return false;
        };
        let mut unshared = false;
        if len < WORTH_IT || at.is_null() {
            return false;
        }
        // SAFETY: live; a SharedArrayBuffer is no ArrayBuffer. The memory stays: see above.
        unsafe {
            let _ = napi::is_arraybuffer(env.raw, buffer, &raw mut unshared);
            if unshared {
                params.push_lent(at.cast(), len);
            }
        }
        unshared
    }

    /// Length in bytes of a Buffer, typed array or `DataView`; 0 for anything else.
    pub fn byte_len(self, env: Env<'e>) -> usize {
        if self.type_of(env) == ValueType::Object {
            self.view(env).map_or(0, |(_, len)| len)
        } else {
            0
        }
    }

    pub fn is_data_view(self, env: Env<'e>) -> bool {
        let mut is = false;
        // SAFETY: live; untouched on failure.
        extra()
            .is_ok_and(|extra| unsafe { (extra.is_dataview)(env.raw, self.raw, &raw mut is) } == 0)
            && is
    }

    /// Adds a `DataView` over UTF-8 that `lib/params.js` made; nobody else knows of its memory.
    pub fn push_view_text(self, env: Env<'e>, params: &mut Params, lend: bool) -> bool {
        let Some((at, len)) = self.view(env) else {
            return false;
        };
        if at.is_null() {
            return false;
        }
        // SAFETY: Node-API says that `len` bytes are there; an argument of the running call keeps them.
        unsafe {
            if lend {
                params.push_lent_text(at.cast(), len);
            } else {
                params.push_text(std::slice::from_raw_parts(at.cast(), len));
            }
        }
        true
    }

    fn view(self, env: Env<'e>) -> Option<(*mut c_void, usize)> {
        let (mut is, mut len, mut at) = (false, 0, ptr::null_mut());
        // SAFETY: live; each call is preceded by its type check.
        unsafe {
            let _ = napi::is_buffer(env.raw, self.raw, &raw mut is);
            if is {
                ok(napi::get_buffer_info(
                    env.raw,
                    self.raw,
                    &raw mut at,
                    &raw mut len,
                ))
                .ok()?;
                return Some((at, len));
            }
            let _ = napi::is_typedarray(env.raw, self.raw, &raw mut is);
            if is {
                return self.typed_array(env).map(|(at, len, _)| (at, len));
            }
            let extra = extra().ok()?;
            if (extra.is_dataview)(env.raw, self.raw, &raw mut is) != 0 || !is {
                return None;
            }
            let (mut buffer, mut offset) = (ptr::null_mut(), 0);
            let info = extra.get_dataview_info;
            let status = info(
                env.raw,
                self.raw,
                &raw mut len,
                &raw mut at,
                &raw mut buffer,
                &raw mut offset,
            );
            (status == 0).then_some((at, len))
        }
    }

    fn typed_array(self, env: Env<'e>) -> Option<(*mut c_void, usize, napi::Value)> {
        let mut kind = napi::TypedArrayType::U8;
        let (mut len, mut at, mut buffer, mut offset) = (0, ptr::null_mut(), ptr::null_mut(), 0);
        // SAFETY: live. It fails for what is no typed array.
        let status = unsafe {
            napi::get_typedarray_info(
                env.raw,
                self.raw,
                &raw mut kind,
                &raw mut len,
                &raw mut at,
                &raw mut buffer,
                &raw mut offset,
            )
        };
        ok(status).ok()?;
        let size = match kind {
            napi::TypedArrayType::I16 | napi::TypedArrayType::U16 => 2,
            napi::TypedArrayType::I32 | napi::TypedArrayType::U32 | napi::TypedArrayType::F32 => 4,
            napi::TypedArrayType::F64 | napi::TypedArrayType::I64 | napi::TypedArrayType::U64 => 8,
            _ => 1,
        };
        Some((at, len * size, buffer))
    }

    pub fn get(self, env: Env<'e>, key: &str) -> Result<Value<'e>> {
        let key = env.utf8(key.as_bytes())?.raw;
        let raw = value!(|out| napi::get_property(env.raw, self.raw, key, out.as_mut_ptr()));
        Ok(Env::wrap(raw))
    }

    pub fn set(self, env: Env<'_>, key: Value<'_>, value: Value<'_>) -> Result<()> {
        // SAFETY: live.
        ok(unsafe { napi::set_property(env.raw, self.raw, key.raw, value.raw) })
    }

    pub fn at(self, env: Env<'e>, index: u32) -> Result<Value<'e>> {
        let raw = value!(|out| napi::get_element(env.raw, self.raw, index, out.as_mut_ptr()));
        Ok(Env::wrap(raw))
    }

    pub fn set_at(self, env: Env<'_>, index: u32, value: Value<'_>) -> Result<()> {
        // SAFETY: live.
        ok(unsafe { napi::set_element(env.raw, self.raw, index, value.raw) })
    }

    pub fn array_len(self, env: Env<'e>) -> u32 {
        let mut len = 0;
        // SAFETY: live; untouched if it is no array.
        let _ = unsafe { napi::get_array_length(env.raw, self.raw, &raw mut len) };
        len
    }

    /// Memory of an `ArrayBuffer` that nothing detaches.
    pub fn array_buffer(self, env: Env<'e>) -> Result<(*mut u8, usize)> {
        let (mut at, mut len) = (ptr::null_mut(), 0);
        // SAFETY: live.
        ok(unsafe { napi::get_arraybuffer_info(env.raw, self.raw, &raw mut at, &raw mut len) })?;
        Ok((at.cast(), len))
    }

    /// What a `JsBox` of this addon holds.
    #[inline]
    pub fn unbox<T: 'static>(self, env: Env<'e>) -> Option<&'e T> {
        // SAFETY: live. Handles reach this addon only from `#private` fields of its own JavaScript, so an
        // external is a JsBox made here: Neon keeps a `Box<dyn Any>` in it, transparent in release builds.
        #[cfg(not(debug_assertions))]
        unsafe {
            let mut at = ptr::null_mut();
            ok(napi::get_value_external(env.raw, self.raw, &raw mut at)).ok()?;
            (*at.cast::<Box<dyn Any>>()).downcast_ref()
        }
        // SAFETY: live; Neon checks the tag and the type.
        #[cfg(debug_assertions)]
        unsafe {
            let mut cx = Cx::from_raw(env.raw);
            let handle = neon::types::JsValue::from_raw(&cx, self.raw);
            let handle = handle.downcast::<JsBox<T>, _>(&mut cx).ok()?;
            let _: Option<&dyn Any> = None;
            Some(JsBox::deref(&handle))
        }
    }
}

/// A reference that keeps a value alive; dropped on the thread of its environment.
pub struct Ref {
    env: napi::Env,
    raw: napi::Ref,
}

impl Ref {
    pub fn get<'e>(&self, env: Env<'e>) -> Result<Value<'e>> {
        let raw = value!(|out| napi::get_reference_value(env.raw, self.raw, out.as_mut_ptr()));
        Ok(Env::wrap(raw))
    }
}

impl Drop for Ref {
    fn drop(&mut self) {
        // SAFETY: made by `Env::reference`, deleted once; connections close before the environment ends.
        let _ = unsafe { napi::delete_reference(self.env, self.raw) };
    }
}

/// A function that `SQLite` calls again and again. During one execution its handle is fetched once and
/// kept, and a call without arguments makes no handle at all: it costs one Node-API call.
pub struct HotFunction {
    function: Ref,
    /// The execution that `value` was fetched in, and the handle, which lives as long as that runs.
    cached: Cell<(u64, napi::Value)>,
}

impl HotFunction {
    pub fn new(env: Env<'_>, function: Value<'_>) -> Result<Self> {
        Ok(Self {
            function: env.reference(function)?,
            cached: Cell::new((0, ptr::null_mut())),
        })
    }

    /// Calls it with `args`; what it returns is not looked at. `execution` is unique for each time that
    /// JavaScript called into this addon, and 0 when that is not known.
    #[inline]
    pub fn call(&self, env: RawEnv, execution: u64, args: &[Value<'_>]) -> Result<()> {
        let (fetched_in, mut function) = self.cached.get();
        if execution == 0 || fetched_in != execution {
            let env = Env {
                raw: env.0,
                scope: PhantomData,
            };
            function = self.function.get(env)?.raw;
            self.cached.set((execution, function));
        }
        let argv = args.as_ptr().cast::<napi::Value>();
        // SAFETY: on the thread of the environment, inside a call from JavaScript; the handle was made in
        // that call. The function takes no `this`, so any value serves; no result is asked for.
        ok(unsafe {
            napi::call_function(env.0, function, function, args.len(), argv, ptr::null_mut())
        })
    }
}

unsafe extern "C" fn run_hook<T>(data: *mut c_void) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: made by `on_cleanup`.
        let (data, hook) = *unsafe { Box::from_raw(data.cast::<(Rc<T>, fn(&T))>()) };
        hook(&data);
    }));
}

/// Arguments that one call may have without allocating.
const INLINE_ARGS: usize = 8;

/// One call from JavaScript.
pub struct Call<'e> {
    pub env: Env<'e>,
    this: napi::Value,
    data: *const c_void,
    count: usize,
    inline: [napi::Value; INLINE_ARGS],
    more: Vec<napi::Value>,
}

impl<'e> Call<'e> {
    #[inline]
    pub fn len(&self) -> usize {
        self.count
    }

    /// An argument; `undefined` out of range.
    #[inline]
    pub fn arg(&self, at: usize) -> Value<'e> {
        let raw = if self.count > INLINE_ARGS {
            self.more.get(at)
        } else {
            self.inline.get(at)
        };
        match raw {
            Some(raw) if !raw.is_null() => Env::wrap(*raw),
            _ => self.env.undefined().unwrap_or(Env::wrap(self.this)),
        }
    }

    /// The handle that the function was called on.
    #[inline]
    pub fn this<T: 'static>(&self) -> Result<&'e T> {
        match Env::wrap(self.this).unbox(self.env) {
            Some(handle) => Ok(handle),
            None => Err(self.env.throw_error(ErrorKind::Type, "Illegal invocation")),
        }
    }

    /// What the function was exported with.
    ///
    /// Sound because [`Env::export`] is only called with a pointer of `Rc::into_raw` of that type, whose
    /// count is never given back.
    pub fn data<T: 'static>(&self) -> Rc<T> {
        // SAFETY: see above.
        unsafe {
            Rc::increment_strong_count(self.data.cast::<T>());
            Rc::from_raw(self.data.cast::<T>())
        }
    }
}

/// Enters Rust from JavaScript: collects the call, and lets no panic out.
///
/// # Safety
/// `env` and `info` are those that Node-API passed to the callback.
#[inline]
pub unsafe fn enter<'e>(
    env: napi::Env,
    info: napi::CallbackInfo,
    body: impl FnOnce(&Call<'e>) -> Result<Value<'e>>,
) -> napi::Value {
    let env = Env {
        raw: env,
        scope: PhantomData,
    };
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut call = Call {
            env,
            this: ptr::null_mut(),
            data: ptr::null(),
            count: INLINE_ARGS,
            inline: [ptr::null_mut(); INLINE_ARGS],
            more: Vec::new(),
        };
        let mut data = ptr::null_mut();
        // SAFETY: the inline array has room for `count` values; Node-API fills the rest with undefined.
        unsafe {
            let argv = call.inline.as_mut_ptr();
            ok(napi::get_cb_info(
                env.raw,
                info,
                &raw mut call.count,
                argv,
                &raw mut call.this,
                &raw mut data,
            ))?;
        }
        if call.count > INLINE_ARGS {
            call.more.resize(call.count, ptr::null_mut());
            // SAFETY: as above, with the larger array.
            unsafe {
                let argv = call.more.as_mut_ptr();
                ok(napi::get_cb_info(
                    env.raw,
                    info,
                    &raw mut call.count,
                    argv,
                    ptr::null_mut(),
                    ptr::null_mut(),
                ))?;
            }
        }
        call.data = data;
        body(&call)
    }));
    match result {
        Ok(Ok(value)) => value.raw,
        Ok(Err(Thrown)) => ptr::null_mut(),
        Err(_) => {
            let _ = env.throw_error(
                ErrorKind::Type,
                "Internal error in Ferrolite: please report it",
            );
            ptr::null_mut()
        }
    }
}

/// Makes a Node-API callback of a function over a [`Call`].
macro_rules! callback {
    ($body:path) => {{
        unsafe extern "C" fn callback(
            env: ::neon::sys::bindings::Env,
            info: ::neon::sys::bindings::CallbackInfo,
        ) -> ::neon::sys::bindings::Value {
            // SAFETY: called by Node-API.
            unsafe { $crate::sys::enter(env, info, |call| $body(call)) }
        }
        callback
    }};
}
pub(crate) use callback;

/// Room for rows in an `ArrayBuffer` that JavaScript decodes them from.
pub struct SharedBlock {
    at: *mut u8,
}

/// Offsets in the block, in bytes; `lib/rows.js` has the same numbers.
pub const HEADER_BYTES: usize = 256;
pub const TAGS_AT: usize = HEADER_BYTES;
pub const SLOTS_AT: usize = TAGS_AT + ferrolite_sqlite::SLOTS_PER_BLOCK;
pub const BYTES_AT: usize = SLOTS_AT + 8 * ferrolite_sqlite::SLOTS_PER_BLOCK;
/// Blobs that start below the limit may end beyond it by what one large value has at most.
pub const CALL_TAGS_AT: usize = BYTES_AT + ferrolite_sqlite::BYTES_PER_BLOCK + 8192;
/// Arguments that a callback can have: `SQLITE_MAX_FUNCTION_ARG` is 127.
pub const CALL_SLOTS: usize = 128;
pub const CALL_SLOTS_AT: usize = CALL_TAGS_AT + CALL_SLOTS;
pub const BLOCK_LEN: usize = CALL_SLOTS_AT + 8 * CALL_SLOTS;

#[allow(clippy::cast_ptr_alignment)] // `new` checks that the block is 8-byte aligned
impl SharedBlock {
    /// Takes over the memory of an `ArrayBuffer` that the caller keeps alive and never detaches.
    pub fn new(env: Env<'_>, buffer: Value<'_>) -> Result<Self> {
        let (at, len) = Env::wrap(buffer.raw).array_buffer(env)?;
        if len != BLOCK_LEN || at.is_null() || at.align_offset(8) != 0 {
            return Err(env.throw_error(ErrorKind::Range, "Wrong size of the row block"));
        }
        Ok(Self { at })
    }

    #[inline]
    pub fn set_i32(&self, index: usize, value: i32) {
        debug_assert!(index < 16);
        // SAFETY: within the first 64 bytes of the header.
        unsafe { self.at.cast::<i32>().add(index).write(value) }
    }

    #[inline]
    pub fn f64(&self, index: usize) -> f64 {
        debug_assert!((16..32).contains(&index));
        // SAFETY: within the header.
        unsafe { self.at.cast::<f64>().add(index).read() }
    }

    #[inline]
    pub fn i64(&self, index: usize) -> i64 {
        debug_assert!((16..32).contains(&index));
        // SAFETY: within the header.
        unsafe { self.at.cast::<i64>().add(index).read() }
    }

    /// Sets an argument of the callback that is about to be called.
    #[inline]
    pub fn set_argument(&self, at: usize, tag: u8, bits: u64) {
        if at < CALL_SLOTS {
            // SAFETY: within the two parts for arguments; the second is 8-byte aligned.
            unsafe {
                self.at.add(CALL_TAGS_AT + at).write(tag);
                self.at.add(CALL_SLOTS_AT).cast::<u64>().add(at).write(bits);
            }
        }
    }

    #[inline]
    pub fn i32(&self, index: usize) -> i32 {
        debug_assert!(index < 16);
        // SAFETY: within the first 64 bytes of the header.
        unsafe { self.at.cast::<i32>().add(index).read() }
    }

    #[inline]
    pub fn set_f64(&self, index: usize, value: f64) {
        debug_assert!((16..32).contains(&index));
        // SAFETY: within the header.
        unsafe { self.at.cast::<f64>().add(index).write(value) }
    }

    #[inline]
    pub fn set_i64(&self, index: usize, value: i64) {
        debug_assert!((16..32).contains(&index));
        // SAFETY: within the header.
        unsafe { self.at.cast::<i64>().add(index).write(value) }
    }

    /// The parts of the block, for the encoder. JavaScript does not run while they are borrowed.
    #[inline]
    #[allow(clippy::mut_from_ref)] // the memory is not Rust's; one execution writes at a time
    pub fn target(&self) -> ferrolite_sqlite::Target<'_> {
        // SAFETY: disjoint parts of a buffer of BLOCK_LEN bytes, 8-byte aligned.
        unsafe {
            ferrolite_sqlite::Target {
                tags: std::slice::from_raw_parts_mut(
                    self.at.add(TAGS_AT),
                    ferrolite_sqlite::SLOTS_PER_BLOCK,
                ),
                slots: std::slice::from_raw_parts_mut(
                    self.at.add(SLOTS_AT).cast(),
                    ferrolite_sqlite::SLOTS_PER_BLOCK,
                ),
                bytes: std::slice::from_raw_parts_mut(
                    self.at.add(BYTES_AT),
                    CALL_TAGS_AT - BYTES_AT,
                ),
            }
        }
    }
}
