//! An empty qcow2 image, byte by byte: what a simulated guest's root disk looks like when it is copied.

/// log2 of the cluster size.
const CLUSTER_BITS: u32 = 16;
const CLUSTER: u64 = 1 << CLUSTER_BITS;

/// A version 3 image that offers `size` bytes of zeros: header, refcount table, one refcount block, L1 table. The size
/// is cut at 16 TiB, which one cluster of L1 table reaches.
pub(super) fn empty(size: u64) -> Vec<u8> {
    let size = size.clamp(512, 16 << 40).next_multiple_of(512);
    let per_l1_entry = CLUSTER * (CLUSTER / 8);
    let mut image = vec![0; 4 * CLUSTER as usize];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"QFI\xfb");
    put(4, &3u32.to_be_bytes());
    put(20, &CLUSTER_BITS.to_be_bytes());
    put(24, &size.to_be_bytes());
    put(36, &(size.div_ceil(per_l1_entry) as u32).to_be_bytes());
    put(40, &(3 * CLUSTER).to_be_bytes()); // L1 table
    put(48, &CLUSTER.to_be_bytes()); // refcount table
    put(56, &1u32.to_be_bytes()); // clusters of it
    put(96, &4u32.to_be_bytes()); // 2^4 bits a refcount
    put(100, &104u32.to_be_bytes()); // length of the header
    put(CLUSTER as usize, &(2 * CLUSTER).to_be_bytes());
    for cluster in 0..4 {
        put(2 * CLUSTER as usize + 2 * cluster, &1u16.to_be_bytes());
    }
    image
}
