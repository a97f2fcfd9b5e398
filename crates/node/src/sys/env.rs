//! What can be asked of an environment: values made, functions called, exceptions thrown.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;
use std::rc::Rc;

use super::host::extra;
use super::{
    napi, ok, out_value, Callback, Env, ErrorKind, RawEnv, Ref, Result, Thrown, Value, ValueType,
};

impl RawEnv {
    /// Runs `callback` in a handle scope of its own. `None` when there is none to be had.
    pub fn enter<R>(self, callback: impl FnOnce(Env<'_>) -> R) -> Option<R> {
        let mut scope = MaybeUninit::uninit();
        // SAFETY: called on the thread of the environment while it lives (see `Environment`).
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
    pub fn raw(self) -> RawEnv {
        RawEnv(self.raw)
    }

    pub(super) fn wrap(raw: napi::Value) -> Value<'e> {
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
        Ok(Self::wrap(out_value!(|out| napi::get_undefined(
            self.raw,
            out.as_mut_ptr()
        ))))
    }

    pub fn null(self) -> Result<Value<'e>> {
        Ok(Self::wrap(out_value!(|out| napi::get_null(
            self.raw,
            out.as_mut_ptr()
        ))))
    }

    pub fn boolean(self, value: bool) -> Result<Value<'e>> {
        Ok(Self::wrap(out_value!(|out| napi::get_boolean(
            self.raw,
            value,
            out.as_mut_ptr()
        ))))
    }

    pub fn number(self, value: f64) -> Result<Value<'e>> {
        Ok(Self::wrap(out_value!(|out| napi::create_double(
            self.raw,
            value,
            out.as_mut_ptr()
        ))))
    }

    pub fn bigint(self, value: i64) -> Result<Value<'e>> {
        Ok(Self::wrap(out_value!(|out| napi::create_bigint_int64(
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
        Ok(Self::wrap(out_value!(|out| napi::create_string_utf8(
            self.raw,
            at,
            len,
            out.as_mut_ptr()
        ))))
    }

    pub fn object(self) -> Result<Value<'e>> {
        Ok(Self::wrap(out_value!(|out| napi::create_object(
            self.raw,
            out.as_mut_ptr()
        ))))
    }

    pub fn array(self, len: usize) -> Result<Value<'e>> {
        Ok(Self::wrap(out_value!(
            |out| napi::create_array_with_length(self.raw, len, out.as_mut_ptr())
        )))
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
                out_value!(|out| napi::create_type_error(self.raw, code, message, out.as_mut_ptr()))
            }
            ErrorKind::Plain => {
                out_value!(|out| napi::create_error(self.raw, code, message, out.as_mut_ptr()))
            }
            ErrorKind::Range => {
                out_value!(|out| napi::create_range_error(
                    self.raw,
                    code,
                    message,
                    out.as_mut_ptr()
                ))
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
        Ok(Self::wrap(out_value!(|out| {
            napi::get_and_clear_last_exception(self.raw, out.as_mut_ptr())
        })))
    }

    /// Ends a callback of the event loop that has thrown: the exception is uncaught. One that stands for
    /// the end of the environment has no value, and must not be left to Neon, which would abort.
    pub fn end_event(self) {
        let Ok(exception) = self.take_exception() else {
            return;
        };
        if matches!(exception.type_of(self), ValueType::Undefined) {
            return;
        }
        if let Ok(extra) = extra() {
            // SAFETY: a value of this call.
            unsafe { (extra.fatal_exception)(self.raw, exception.raw) };
        }
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
        Ok(Self::wrap(out_value!(|out| napi::call_function(
            self.raw,
            this.raw,
            function.raw,
            len,
            argv,
            out.as_mut_ptr()
        ))))
    }

    pub fn reference(self, value: Value<'_>) -> Result<Ref> {
        let raw =
            out_value!(|out| napi::create_reference(self.raw, value.raw, 1, out.as_mut_ptr()));
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
        let function = out_value!(|out| napi::create_function(
            self.raw,
            at,
            len,
            Some(callback),
            data,
            out.as_mut_ptr()
        ));
        object.set(self, self.utf8(name.as_bytes())?, Self::wrap(function))
    }
}

unsafe extern "C" fn run_hook<T>(data: *mut c_void) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: made by `on_cleanup`.
        let (data, hook) = *unsafe { Box::from_raw(data.cast::<(Rc<T>, fn(&T))>()) };
        hook(&data);
    }));
}
