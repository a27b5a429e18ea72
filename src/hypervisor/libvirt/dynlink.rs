//! libvirt without linking to it: trampolines for its functions, resolved when the program runs.
//!
//! The crate `virt` calls C functions by name, so the linker wants those names defined. A program that carried
//! `-lvirt` would not even start where libvirt is missing, and a control node or an operator's laptop has none. So each
//! of the functions that `virt-sys` declares is defined here as one jump through a slot, and [`load`] fills the slots
//! from `libvirt.so.0`. The names are hidden: the real library, once loaded, never sees them.
//!
//! Invariant: nothing calls a `vir*` function before [`load`] succeeded; every connection begins with it. A function
//! that the library does not have (it is older than the crate) would end the process with a word on standard error; all
//! that this program calls exist since libvirt 6.0, which `load` makes sure of.

#![expect(unsafe_code, reason = "fills the jump table of a C library")]

use std::ffi::CStr;
use std::sync::OnceLock;

use crate::hypervisor::{HvError, HvResult};

/// The library's name, which has been the same since its first release.
const LIBRARY: &CStr = c"libvirt.so.0";
/// A function of libvirt 6.0, the oldest that has everything called here.
const NEWEST_NEEDED: &CStr = c"virDomainBackupBegin";

macro_rules! trampolines {
    ($($name:ident)*) => {
        /// All functions, in the order of their slots.
        const NAMES: &[&str] = &[$(concat!(stringify!($name), "\0")),*];

        #[cfg(target_arch = "x86_64")]
        std::arch::global_asm!(
            ".pushsection .data.skydeck_libvirt_slots, \"aw\", @progbits",
            ".balign 8",
            ".hidden skydeck_libvirt_slots",
            ".globl skydeck_libvirt_slots",
            "skydeck_libvirt_slots:",
            $(concat!(".Lskydeck_slot_", stringify!($name), ": .quad 0"),)*
            ".popsection",
            ".pushsection .text.skydeck_libvirt, \"ax\", @progbits",
            $(
                concat!(".hidden ", stringify!($name)),
                concat!(".globl ", stringify!($name)),
                concat!(".type ", stringify!($name), ", @function"),
                concat!(stringify!($name), ": jmp qword ptr [rip + .Lskydeck_slot_", stringify!($name), "]"),
            )*
            ".popsection",
        );
    };
}

unsafe extern "C" {
    /// The first slot; `NAMES.len()` of them follow each other.
    static mut skydeck_libvirt_slots: [usize; 0];
}

/// Loads libvirt, once. Everything that calls it must have asked here first.
pub(super) fn load() -> HvResult<()> {
    static LOADED: OnceLock<Result<(), String>> = OnceLock::new();
    LOADED
        .get_or_init(|| fill(LIBRARY))
        .clone()
        .map_err(HvError::Unavailable)
}

fn fill(library: &CStr) -> Result<(), String> {
    // SAFETY: a library by its name, whose initializers have no requirements.
    let handle = unsafe { libc::dlopen(library.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if handle.is_null() {
        return Err(format!(
            "libvirt is not installed ({}). Install it: apt-get install libvirt0 libvirt-daemon-system qemu-system-x86",
            load_error()
        ));
    }
    // SAFETY: the handle was just opened and is never closed.
    if unsafe { libc::dlsym(handle, NEWEST_NEEDED.as_ptr()) }.is_null() {
        return Err("the installed libvirt is older than 6.0; install a newer libvirt0".to_owned());
    }
    // SAFETY: only `load` comes here, once, and nobody jumps through a slot before it returned.
    let slots = unsafe {
        std::slice::from_raw_parts_mut(
            (&raw mut skydeck_libvirt_slots).cast::<usize>(),
            NAMES.len(),
        )
    };
    for (slot, name) in slots.iter_mut().zip(NAMES) {
        // SAFETY: the handle is open; each name ends with a zero.
        let found = unsafe { libc::dlsym(handle, name.as_ptr().cast()) };
        *slot = if found.is_null() {
            missing as *const () as usize
        } else {
            found as usize
        };
    }
    Ok(())
}

/// Whether the loaded library has a function that came after the oldest one supported.
pub(super) fn has(name: &CStr) -> bool {
    // SAFETY: only raises the count of the library that `load` opened, which is never closed.
    let handle = unsafe { libc::dlopen(LIBRARY.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    // SAFETY: the handle is open or null, the name ends with a zero.
    !handle.is_null() && !unsafe { libc::dlsym(handle, name.as_ptr()) }.is_null()
}

fn load_error() -> String {
    // SAFETY: dlerror gives a string of this thread's last failure, or null.
    unsafe {
        let text = libc::dlerror();
        if text.is_null() {
            "no reason given".to_owned()
        } else {
            CStr::from_ptr(text).to_string_lossy().into_owned()
        }
    }
}

/// Where a function leads that the library lacks.
extern "C" fn missing() -> ! {
    eprintln!(
        "the installed libvirt lacks a function that this program calls; install a newer libvirt0"
    );
    std::process::abort();
}

trampolines! {
    virConnCopyLastError virConnGetLastError virConnResetLastError virConnSetErrorFunc virConnectBaselineCPU
    virConnectBaselineHypervisorCPU virConnectClose virConnectCompareCPU virConnectCompareHypervisorCPU
    virConnectDomainEventDeregister virConnectDomainEventDeregisterAny virConnectDomainEventRegister
    virConnectDomainEventRegisterAny virConnectDomainQemuMonitorEventDeregister
    virConnectDomainQemuMonitorEventRegister virConnectDomainXMLFromNative virConnectDomainXMLToNative
    virConnectFindStoragePoolSources virConnectGetAllDomainStats virConnectGetCPUModelNames virConnectGetCapabilities
    virConnectGetDomainCapabilities virConnectGetHostname virConnectGetLibVersion virConnectGetMaxVcpus
    virConnectGetStoragePoolCapabilities virConnectGetSysinfo virConnectGetType virConnectGetURI virConnectGetVersion
    virConnectIsAlive virConnectIsEncrypted virConnectIsSecure virConnectListAllDomains virConnectListAllInterfaces
    virConnectListAllNWFilterBindings virConnectListAllNWFilters virConnectListAllNetworks
    virConnectListAllNodeDevices virConnectListAllSecrets virConnectListAllStoragePools virConnectListDefinedDomains
    virConnectListDefinedInterfaces virConnectListDefinedNetworks virConnectListDefinedStoragePools
    virConnectListDomains virConnectListInterfaces virConnectListNWFilters virConnectListNetworks
    virConnectListSecrets virConnectListStoragePools virConnectNetworkEventDeregisterAny
    virConnectNetworkEventRegisterAny virConnectNodeDeviceEventDeregisterAny virConnectNodeDeviceEventRegisterAny
    virConnectNumOfDefinedDomains virConnectNumOfDefinedInterfaces virConnectNumOfDefinedNetworks
    virConnectNumOfDefinedStoragePools virConnectNumOfDomains virConnectNumOfInterfaces virConnectNumOfNWFilters
    virConnectNumOfNetworks virConnectNumOfSecrets virConnectNumOfStoragePools virConnectOpen virConnectOpenAuth
    virConnectOpenReadOnly virConnectRef virConnectRegisterCloseCallback virConnectSecretEventDeregisterAny
    virConnectSecretEventRegisterAny virConnectSetIdentity virConnectSetKeepAlive
    virConnectStoragePoolEventDeregisterAny virConnectStoragePoolEventRegisterAny virConnectUnregisterCloseCallback
    virCopyLastError virDefaultErrorFunc virDomainAbortJob virDomainAbortJobFlags virDomainAddIOThread
    virDomainAgentSetResponseTimeout virDomainAnnounceInterface virDomainAttachDevice virDomainAttachDeviceFlags
    virDomainAuthorizedSSHKeysGet virDomainAuthorizedSSHKeysSet virDomainBackupBegin virDomainBackupGetXMLDesc
    virDomainBlockCommit virDomainBlockCopy virDomainBlockJobAbort virDomainBlockJobSetSpeed virDomainBlockPeek
    virDomainBlockPull virDomainBlockRebase virDomainBlockResize virDomainBlockStats virDomainBlockStatsFlags
    virDomainCheckpointCreateXML virDomainCheckpointDelete virDomainCheckpointFree virDomainCheckpointGetConnect
    virDomainCheckpointGetDomain virDomainCheckpointGetName virDomainCheckpointGetParent virDomainCheckpointGetXMLDesc
    virDomainCheckpointListAllChildren virDomainCheckpointLookupByName virDomainCheckpointRef virDomainCoreDump
    virDomainCoreDumpWithFormat virDomainCreate virDomainCreateLinux virDomainCreateWithFiles virDomainCreateWithFlags
    virDomainCreateXML virDomainCreateXMLWithFiles virDomainDefineXML virDomainDefineXMLFlags virDomainDelIOThread
    virDomainDelThrottleGroup virDomainDestroy virDomainDestroyFlags virDomainDetachDevice virDomainDetachDeviceAlias
    virDomainDetachDeviceFlags virDomainFDAssociate virDomainFSFreeze virDomainFSInfoFree virDomainFSThaw
    virDomainFSTrim virDomainFree virDomainGetAutostart virDomainGetAutostartOnce virDomainGetBlkioParameters
    virDomainGetBlockInfo virDomainGetBlockIoTune virDomainGetBlockJobInfo virDomainGetCPUStats virDomainGetConnect
    virDomainGetControlInfo virDomainGetDiskErrors virDomainGetEmulatorPinInfo virDomainGetFSInfo
    virDomainGetGuestInfo virDomainGetGuestVcpus virDomainGetHostname virDomainGetID virDomainGetIOThreadInfo
    virDomainGetInfo virDomainGetInterfaceParameters virDomainGetJobInfo virDomainGetJobStats
    virDomainGetLaunchSecurityInfo virDomainGetMaxMemory virDomainGetMaxVcpus virDomainGetMemoryParameters
    virDomainGetMessages virDomainGetMetadata virDomainGetName virDomainGetNumaParameters virDomainGetOSType
    virDomainGetPerfEvents virDomainGetSchedulerParameters virDomainGetSchedulerParametersFlags
    virDomainGetSchedulerType virDomainGetSecurityLabel virDomainGetSecurityLabelList virDomainGetState
    virDomainGetTime virDomainGetUUID virDomainGetUUIDString virDomainGetVcpuPinInfo virDomainGetVcpus
    virDomainGetVcpusFlags virDomainGetXMLDesc virDomainGraphicsReload virDomainHasCurrentSnapshot
    virDomainHasManagedSaveImage virDomainIOThreadInfoFree virDomainInjectNMI virDomainInterfaceAddresses
    virDomainInterfaceFree virDomainInterfaceStats virDomainIsActive virDomainIsPersistent virDomainIsUpdated
    virDomainListAllCheckpoints virDomainListAllSnapshots virDomainListGetStats virDomainLookupByID
    virDomainLookupByName virDomainLookupByUUID virDomainLookupByUUIDString virDomainManagedSave
    virDomainManagedSaveDefineXML virDomainManagedSaveGetXMLDesc virDomainManagedSaveRemove virDomainMemoryPeek
    virDomainMemoryStats virDomainMigrate virDomainMigrate2 virDomainMigrate3 virDomainMigrateGetCompressionCache
    virDomainMigrateGetMaxDowntime virDomainMigrateGetMaxSpeed virDomainMigrateSetCompressionCache
    virDomainMigrateSetMaxDowntime virDomainMigrateSetMaxSpeed virDomainMigrateStartPostCopy virDomainMigrateToURI
    virDomainMigrateToURI2 virDomainMigrateToURI3 virDomainOpenChannel virDomainOpenConsole virDomainOpenGraphics
    virDomainOpenGraphicsFD virDomainPMSuspendForDuration virDomainPMWakeup virDomainPinEmulator virDomainPinIOThread
    virDomainPinVcpu virDomainPinVcpuFlags virDomainQemuAgentCommand virDomainQemuAttach virDomainQemuMonitorCommand
    virDomainQemuMonitorCommandWithFiles virDomainReboot virDomainRef virDomainRename virDomainReset virDomainRestore
    virDomainRestoreFlags virDomainRestoreParams virDomainResume virDomainRevertToSnapshot virDomainSave
    virDomainSaveFlags virDomainSaveImageDefineXML virDomainSaveImageGetXMLDesc virDomainSaveParams
    virDomainScreenshot virDomainSendKey virDomainSendProcessSignal virDomainSetAutostart virDomainSetAutostartOnce
    virDomainSetBlkioParameters virDomainSetBlockIoTune virDomainSetBlockThreshold virDomainSetGuestVcpus
    virDomainSetIOThreadParams virDomainSetInterfaceParameters virDomainSetLaunchSecurityState
    virDomainSetLifecycleAction virDomainSetMaxMemory virDomainSetMemory virDomainSetMemoryFlags
    virDomainSetMemoryParameters virDomainSetMemoryStatsPeriod virDomainSetMetadata virDomainSetNumaParameters
    virDomainSetPerfEvents virDomainSetSchedulerParameters virDomainSetSchedulerParametersFlags
    virDomainSetThrottleGroup virDomainSetTime virDomainSetUserPassword virDomainSetVcpu virDomainSetVcpus
    virDomainSetVcpusFlags virDomainShutdown virDomainShutdownFlags virDomainSnapshotCreateXML
    virDomainSnapshotCurrent virDomainSnapshotDelete virDomainSnapshotFree virDomainSnapshotGetConnect
    virDomainSnapshotGetDomain virDomainSnapshotGetName virDomainSnapshotGetParent virDomainSnapshotGetXMLDesc
    virDomainSnapshotHasMetadata virDomainSnapshotIsCurrent virDomainSnapshotListAllChildren
    virDomainSnapshotListChildrenNames virDomainSnapshotListNames virDomainSnapshotLookupByName virDomainSnapshotNum
    virDomainSnapshotNumChildren virDomainSnapshotRef virDomainStartDirtyRateCalc virDomainStatsRecordListFree
    virDomainSuspend virDomainUndefine virDomainUndefineFlags virDomainUpdateDeviceFlags virEventAddHandle
    virEventAddTimeout virEventRegisterDefaultImpl virEventRegisterImpl virEventRemoveHandle virEventRemoveTimeout
    virEventRunDefaultImpl virEventUpdateHandle virEventUpdateTimeout virFreeError virGetLastError virGetLastErrorCode
    virGetLastErrorDomain virGetLastErrorMessage virGetVersion virInitialize virInterfaceChangeBegin
    virInterfaceChangeCommit virInterfaceChangeRollback virInterfaceCreate virInterfaceDefineXML virInterfaceDestroy
    virInterfaceFree virInterfaceGetConnect virInterfaceGetMACString virInterfaceGetName virInterfaceGetXMLDesc
    virInterfaceIsActive virInterfaceLookupByMACString virInterfaceLookupByName virInterfaceRef virInterfaceUndefine
    virNWFilterBindingCreateXML virNWFilterBindingDelete virNWFilterBindingFree virNWFilterBindingGetFilterName
    virNWFilterBindingGetPortDev virNWFilterBindingGetXMLDesc virNWFilterBindingLookupByPortDev virNWFilterBindingRef
    virNWFilterDefineXML virNWFilterDefineXMLFlags virNWFilterFree virNWFilterGetName virNWFilterGetUUID
    virNWFilterGetUUIDString virNWFilterGetXMLDesc virNWFilterLookupByName virNWFilterLookupByUUID
    virNWFilterLookupByUUIDString virNWFilterRef virNWFilterUndefine virNetworkCreate virNetworkCreateXML
    virNetworkCreateXMLFlags virNetworkDHCPLeaseFree virNetworkDefineXML virNetworkDefineXMLFlags virNetworkDestroy
    virNetworkFree virNetworkGetAutostart virNetworkGetBridgeName virNetworkGetConnect virNetworkGetDHCPLeases
    virNetworkGetMetadata virNetworkGetName virNetworkGetUUID virNetworkGetUUIDString virNetworkGetXMLDesc
    virNetworkIsActive virNetworkIsPersistent virNetworkListAllPorts virNetworkLookupByName virNetworkLookupByUUID
    virNetworkLookupByUUIDString virNetworkPortCreateXML virNetworkPortDelete virNetworkPortFree
    virNetworkPortGetNetwork virNetworkPortGetParameters virNetworkPortGetUUID virNetworkPortGetUUIDString
    virNetworkPortGetXMLDesc virNetworkPortLookupByUUID virNetworkPortLookupByUUIDString virNetworkPortRef
    virNetworkPortSetParameters virNetworkRef virNetworkSetAutostart virNetworkSetMetadata virNetworkUndefine
    virNetworkUpdate virNodeAllocPages virNodeDeviceCreate virNodeDeviceCreateXML virNodeDeviceDefineXML
    virNodeDeviceDestroy virNodeDeviceDetachFlags virNodeDeviceDettach virNodeDeviceFree virNodeDeviceGetAutostart
    virNodeDeviceGetName virNodeDeviceGetParent virNodeDeviceGetXMLDesc virNodeDeviceIsActive
    virNodeDeviceIsPersistent virNodeDeviceListCaps virNodeDeviceLookupByName virNodeDeviceLookupSCSIHostByWWN
    virNodeDeviceNumOfCaps virNodeDeviceReAttach virNodeDeviceRef virNodeDeviceReset virNodeDeviceSetAutostart
    virNodeDeviceUndefine virNodeDeviceUpdate virNodeGetCPUMap virNodeGetCPUStats virNodeGetCellsFreeMemory
    virNodeGetFreeMemory virNodeGetFreePages virNodeGetInfo virNodeGetMemoryParameters virNodeGetMemoryStats
    virNodeGetSEVInfo virNodeGetSecurityModel virNodeListDevices virNodeNumOfDevices virNodeSetMemoryParameters
    virNodeSuspendForDuration virResetError virResetLastError virSaveLastError virSecretDefineXML virSecretFree
    virSecretGetConnect virSecretGetUUID virSecretGetUUIDString virSecretGetUsageID virSecretGetUsageType
    virSecretGetValue virSecretGetXMLDesc virSecretLookupByUUID virSecretLookupByUUIDString virSecretLookupByUsage
    virSecretRef virSecretSetValue virSecretUndefine virSetErrorFunc virStoragePoolBuild virStoragePoolCreate
    virStoragePoolCreateXML virStoragePoolDefineXML virStoragePoolDelete virStoragePoolDestroy virStoragePoolFree
    virStoragePoolGetAutostart virStoragePoolGetConnect virStoragePoolGetInfo virStoragePoolGetName
    virStoragePoolGetUUID virStoragePoolGetUUIDString virStoragePoolGetXMLDesc virStoragePoolIsActive
    virStoragePoolIsPersistent virStoragePoolListAllVolumes virStoragePoolListVolumes virStoragePoolLookupByName
    virStoragePoolLookupByTargetPath virStoragePoolLookupByUUID virStoragePoolLookupByUUIDString
    virStoragePoolLookupByVolume virStoragePoolNumOfVolumes virStoragePoolRef virStoragePoolRefresh
    virStoragePoolSetAutostart virStoragePoolUndefine virStorageVolCreateXML virStorageVolCreateXMLFrom
    virStorageVolDelete virStorageVolDownload virStorageVolFree virStorageVolGetConnect virStorageVolGetInfo
    virStorageVolGetInfoFlags virStorageVolGetKey virStorageVolGetName virStorageVolGetPath virStorageVolGetXMLDesc
    virStorageVolLookupByKey virStorageVolLookupByName virStorageVolLookupByPath virStorageVolRef virStorageVolResize
    virStorageVolUpload virStorageVolWipe virStorageVolWipePattern virStreamAbort virStreamEventAddCallback
    virStreamEventRemoveCallback virStreamEventUpdateCallback virStreamFinish virStreamFree virStreamNew virStreamRecv
    virStreamRecvAll virStreamRecvFlags virStreamRecvHole virStreamRef virStreamSend virStreamSendAll
    virStreamSendHole virStreamSparseRecvAll virStreamSparseSendAll virTypedParamsAddBoolean virTypedParamsAddDouble
    virTypedParamsAddFromString virTypedParamsAddInt virTypedParamsAddLLong virTypedParamsAddString
    virTypedParamsAddStringList virTypedParamsAddUInt virTypedParamsAddULLong virTypedParamsClear virTypedParamsFree
    virTypedParamsGet virTypedParamsGetBoolean virTypedParamsGetDouble virTypedParamsGetInt virTypedParamsGetLLong
    virTypedParamsGetString virTypedParamsGetUInt virTypedParamsGetULLong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_said_with_the_package_to_install() {
        let reason = fill(c"libvirt-that-is-nowhere.so.0").unwrap_err();
        assert!(reason.contains("apt-get install libvirt0"), "{reason}");
    }

    #[test]
    fn functions_reach_the_library() {
        load().unwrap();
        assert!(virt::connect::Connect::version().unwrap() >= 6_000_000);
    }
}
