//! libvirt's C functions where the crate `virt` lacks or breaks them: states with their errors, bulk statistics, jobs,
//! backups, and detaching by alias. Each is a safe function here; events are in [`super::callbacks`], consoles in
//! [`super::stream`].
//!
//! Errors of libvirt belong to the thread: each function reads them before it returns.

#![expect(unsafe_code, reason = "calls C functions that the safe crate lacks")]

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_int};
use std::ptr;

use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::Error;
use virt::sys;

use crate::hypervisor::{HvError, HvResult};

/// A value of one of libvirt's typed parameters.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// All kinds of integers, and booleans as 0 and 1. Negative ones mean "unknown" in libvirt and become 0.
    Number(u64),
    /// Text.
    Text(String),
}

/// Named values, as statistics and jobs have them.
pub(super) type Values = HashMap<String, Value>;

/// The number called `name`, if there is one.
pub(super) fn number(values: &Values, name: &str) -> Option<u64> {
    match values.get(name)? {
        Value::Number(number) => Some(*number),
        Value::Text(_) => None,
    }
}

/// The text called `name`, if there is one.
pub(super) fn text<'a>(values: &'a Values, name: &str) -> Option<&'a str> {
    match values.get(name)? {
        Value::Text(text) => Some(text),
        Value::Number(_) => None,
    }
}

/// Turns a C function's 0 and -1 into a result.
fn check(returned: c_int) -> HvResult<c_int> {
    if returned < 0 {
        Err(Error::last_error().into())
    } else {
        Ok(returned)
    }
}

pub(super) fn c_string(text: &str) -> HvResult<CString> {
    CString::new(text).map_err(|_| HvError::Refused(format!("{text:?} contains a zero byte")))
}

/// State and reason of a domain, as libvirt numbers them.
pub(super) fn state(domain: &Domain) -> HvResult<(u32, u32)> {
    let (mut state, mut reason) = (0, 0);
    // SAFETY: the domain is alive, both pointers are to locals.
    check(unsafe { sys::virDomainGetState(domain.as_ptr(), &mut state, &mut reason, 0) })?;
    Ok((state as u32, reason as u32))
}

/// Statistics of the groups `stats` for all domains that `flags` choose, in one call.
pub(super) fn all_stats(
    connection: &Connect,
    stats: u32,
    flags: u32,
) -> HvResult<Vec<(Domain, Values)>> {
    let mut records: *mut sys::virDomainStatsRecordPtr = ptr::null_mut();
    // SAFETY: the connection is alive, the pointer is to a local.
    let count = check(unsafe {
        sys::virConnectGetAllDomainStats(connection.as_ptr(), stats, &mut records, flags)
    })?;
    let mut all = Vec::with_capacity(count as usize);
    for index in 0..count as usize {
        // SAFETY: the list has `count` records, each valid until the list is freed. The domain is referenced once more,
        // and that reference is what the wrapper owns.
        unsafe {
            let record = **records.add(index);
            sys::virDomainRef(record.dom);
            let values = values_of(record.params, record.nparams);
            all.push((Domain::from_ptr(record.dom), values));
        }
    }
    // SAFETY: the list is libvirt's, and nothing of it is used any more.
    unsafe { sys::virDomainStatsRecordListFree(records) };
    Ok(all)
}

/// The running job of a domain (`flags` 0) or the last that completed: its type and its values.
pub(super) fn job(domain: &Domain, flags: u32) -> HvResult<(u32, Values)> {
    let (mut kind, mut params, mut count) = (0, ptr::null_mut(), 0);
    // SAFETY: the domain is alive, the pointers are to locals.
    check(unsafe {
        sys::virDomainGetJobStats(domain.as_ptr(), &mut kind, &mut params, &mut count, flags)
    })?;
    // SAFETY: libvirt made `count` parameters, which are freed here and used no more.
    let values = unsafe {
        let values = values_of(params, count);
        sys::virTypedParamsFree(params, count);
        values
    };
    Ok((kind as u32, values))
}

/// Breaks off the running job.
pub(super) fn abort_job(domain: &Domain) -> HvResult<()> {
    // SAFETY: the domain is alive.
    check(unsafe { sys::virDomainAbortJob(domain.as_ptr()) }).map(drop)
}

/// Begins a backup job as the XML says.
pub(super) fn backup_begin(domain: &Domain, xml: &str) -> HvResult<()> {
    let xml = c_string(xml)?;
    // SAFETY: the domain and the text are alive; no checkpoint is wanted.
    check(unsafe { sys::virDomainBackupBegin(domain.as_ptr(), xml.as_ptr(), ptr::null(), 0) })
        .map(drop)
}

/// Asks for a device to be detached, by its alias.
pub(super) fn detach_alias(domain: &Domain, alias: &str, flags: u32) -> HvResult<()> {
    let alias = c_string(alias)?;
    // SAFETY: the domain and the text are alive.
    check(unsafe { sys::virDomainDetachDeviceAlias(domain.as_ptr(), alias.as_ptr(), flags) })
        .map(drop)
}

/// Parameters of a call, by libvirt's names.
#[derive(Default)]
pub(super) struct Params {
    list: sys::virTypedParameterPtr,
    count: c_int,
    most: c_int,
}

impl Params {
    pub fn text(&mut self, name: &CStr, value: &str) -> HvResult<()> {
        let value = c_string(value)?;
        // SAFETY: the list is libvirt's own; names and values are copied.
        check(unsafe {
            sys::virTypedParamsAddString(
                &mut self.list,
                &mut self.count,
                &mut self.most,
                name.as_ptr(),
                value.as_ptr(),
            )
        })
        .map(drop)
    }

    pub fn number(&mut self, name: &CStr, value: u64) -> HvResult<()> {
        // SAFETY: as above.
        check(unsafe {
            sys::virTypedParamsAddULLong(
                &mut self.list,
                &mut self.count,
                &mut self.most,
                name.as_ptr(),
                value,
            )
        })
        .map(drop)
    }
}

impl Drop for Params {
    fn drop(&mut self) {
        // SAFETY: the list is libvirt's, or null with none in it; it is used no more.
        unsafe { sys::virTypedParamsFree(self.list, self.count) }
    }
}

/// Moves a running domain; returns when it is there, or is not going to be.
pub(super) fn migrate(
    domain: &Domain,
    destination: &str,
    params: &Params,
    flags: u32,
) -> HvResult<()> {
    let destination = c_string(destination)?;
    // SAFETY: the domain, the text and the parameters are alive.
    check(unsafe {
        sys::virDomainMigrateToURI3(
            domain.as_ptr(),
            destination.as_ptr(),
            params.list,
            params.count as u32,
            flags,
        )
    })
    .map(drop)
}

/// Lets the domain go on at the destination at once.
pub(super) fn start_post_copy(domain: &Domain) -> HvResult<()> {
    // SAFETY: the domain is alive.
    check(unsafe { sys::virDomainMigrateStartPostCopy(domain.as_ptr(), 0) }).map(drop)
}

/// Begins to measure, for so many seconds, how much memory the domain writes. `Unsupported` before libvirt 7.2.
pub(super) fn start_dirty_rate(domain: &Domain, seconds: i32) -> HvResult<()> {
    if !super::dynlink::has(c"virDomainStartDirtyRateCalc") {
        return Err(HvError::Unsupported(
            "measure how much memory a guest writes",
        ));
    }
    // SAFETY: the domain is alive, and the library has the function.
    check(unsafe { sys::virDomainStartDirtyRateCalc(domain.as_ptr(), seconds, 0) }).map(drop)
}

/// Statistics of the groups `stats` of one domain.
pub(super) fn domain_stats(domain: &Domain, stats: u32) -> HvResult<Values> {
    let mut records: *mut sys::virDomainStatsRecordPtr = ptr::null_mut();
    // SAFETY: the domain is alive, the list ends with null, the pointer is to a local.
    let count = check(unsafe {
        let mut list = [domain.as_ptr(), ptr::null_mut()];
        sys::virDomainListGetStats(list.as_mut_ptr(), stats, &mut records, 0)
    })?;
    let mut values = Values::new();
    if count > 0 {
        // SAFETY: there is a first record, valid until the list is freed.
        values = unsafe {
            let record = &**records;
            values_of(record.params, record.nparams)
        };
    }
    // SAFETY: the list is libvirt's, and nothing of it is used any more.
    unsafe { sys::virDomainStatsRecordListFree(records) };
    Ok(values)
}

/// # Safety
/// `params` must be `count` valid parameters, or null with 0.
unsafe fn values_of(params: sys::virTypedParameterPtr, count: c_int) -> Values {
    let mut values = Values::with_capacity(count.max(0) as usize);
    for index in 0..count.max(0) as usize {
        // SAFETY: by this function's contract; the type says which member of the union holds.
        unsafe {
            let param = &*params.add(index);
            let name = CStr::from_ptr(param.field.as_ptr());
            let value = match param.type_ as u32 {
                sys::VIR_TYPED_PARAM_INT => Value::Number(param.value.i.max(0) as u64),
                sys::VIR_TYPED_PARAM_UINT => Value::Number(param.value.ui.into()),
                sys::VIR_TYPED_PARAM_LLONG => Value::Number(param.value.l.max(0) as u64),
                sys::VIR_TYPED_PARAM_ULLONG => Value::Number(param.value.ul),
                sys::VIR_TYPED_PARAM_BOOLEAN => Value::Number(u64::from(param.value.b != 0)),
                sys::VIR_TYPED_PARAM_STRING if !param.value.s.is_null() => {
                    let text = CStr::from_ptr(param.value.s);
                    Value::Text(text.to_string_lossy().into_owned())
                }
                _ => continue,
            };
            values.insert(name.to_string_lossy().into_owned(), value);
        }
    }
    values
}
