/// \file
/// The .limpet file: a guest as it is handed out, with all that a host has to know before it uploads it.
///
///     offset  0  "LMPT"
///             4  u16 format version
///             6  u16 0
///             8  u32 bytes of metadata
///            12  u32 bytes of payload
///            16  u32 CRC-32 (IEEE 802.3) of the whole file, with this field as 0
///            20  metadata: JSON text
///                payload: the data window from guest address 0 up to its last initialised byte, then the code window
///
/// All numbers are little-endian. Metadata (addresses and offsets are numbers):
///
///     {"isa": "rv32ec", "encoding": "plain", "table_version": "", "data_size": .., "writable_start": ..,
///      "code_start": .., "code_size": .., "stack_top": .., "stack_bytes": .., "entries": {"task": address, ..},
///      (eBPF alone) "frame_bytes": .., "frame_count": ..,
///      "imports": [{"name": .., "signature": .., "fixups": [offset in the code, ..]}, ..],
///      "messages": [{"id": .., "name": .., "size": .., "fields": [{"name": .., "offset": .., "type": .., "count": ..},
///      ..]}, ..], "build_id": "16 hexadecimal digits",
///      "lines": {"files": ["driver.c", ..], "rows": [[address, position in files, line], ..]}}
///
/// Lines tell where the code from that address on comes from; line 0: that is not known. They may be left out.
///
/// A host call in the code has the id kUnboundId, which no firmware has, until bind_imports() gives it the id of a
/// firmware. Fixups are instructions of 4 bytes or, in rv32ecx, of 2, as their lowest bits say; of eBPF, of 8 or,
/// packed (bpf/packed.h; encoding is "packed", table_version "packed-1"), of 2. In rv32dense they are the byte of an
/// id, encoding is "dense", and table_version tells by which table (rv32/dense_1.h): "dense-1".
#pragma once

#include "guest.h"
#include "message.h"

#include "../calls/signature.h"
#include "../rv32/isa.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace limpet {

inline constexpr uint16_t kContainerVersion = 1;

/// How code is written: as the isa defines it, or (eBPF) as interp/bpf/packed.h does, with that version of its codes.
inline constexpr const char* kPlainEncoding = "plain";
inline constexpr const char* kPackedEncoding = "packed";
inline constexpr const char* kPackedVersion = "packed-1";
inline constexpr const char* kPackedIsa = "ebpf"; ///< whose code may be packed

/// The largest that a 12-bit id can be; a firmware's are below 256.
inline constexpr uint32_t kUnboundId = 0xfff;

/// A function that the host may call.
struct Entry {
    std::string name;     ///< as in LIMPET_ENTRY(name)
    uint32_t address = 0; ///< in the code window
};

/// A function of the firmware that the guest calls.
struct Import {
    std::string name;
    std::string signature;        ///< the whole declaration in canonical form: "void spi_transfer(handle<spi>,...)"
    std::vector<uint32_t> fixups; ///< where its host calls are: bytes from the start of the code window
};

/// Is it the name of a profile of eBPF?
[[nodiscard]] bool is_bpf_isa(std::string_view name);

struct Container {
    std::string isa; ///< "rv32ec"
    std::string encoding = kPlainEncoding;
    std::string table_version; ///< of the encoding's tables; "" for plain
    limpet_windows windows{};
    uint32_t stack_top = 0;   ///< sp at entry, a multiple of 16
    uint32_t stack_bytes = 0; ///< the deepest that the stack grows below stack_top
    uint32_t frame_bytes = 0; ///< of an eBPF guest: how far each local call moves r10,
    uint32_t frame_count = 0; ///< and how many may be under way
    std::vector<Entry> entries;
    std::vector<Import> imports;
    std::vector<Message> messages;
    std::string build_id; ///< made by write_container
    /// "driver.c:12" by the address where its code begins; "" where code begins that no line is known of.
    std::map<uint32_t, std::string> lines;
    std::vector<uint8_t> data; ///< the data window from address 0; what lies behind it is 0
    std::vector<uint8_t> code; ///< the code window without its guard

    [[nodiscard]] const Entry* find_entry(std::string_view name) const; ///< nullptr: there is none
    [[nodiscard]] bool is_bpf() const { return is_bpf_isa(isa); }
    [[nodiscard]] bool is_packed() const { return encoding == kPackedEncoding; }

    /// The guest before its first call; bound_code: what bind_imports() returned, or `code`.
    [[nodiscard]] std::unique_ptr<Guest> make_guest(std::span<const uint8_t> bound_code) const;
};

/// The profile of rv32 of that name.
[[nodiscard]] std::optional<rv32::Isa> find_isa(std::string_view name);

[[nodiscard]] bool is_container(std::span<const uint8_t> file);

/// Throws LoadError, naming the first fault, unless the file is undamaged and everything in it makes sense.
[[nodiscard]] Container read_container(std::span<const uint8_t> file);

/// The file of a container, which gets its build id. Throws LoadError when read_container would refuse it.
[[nodiscard]] std::vector<uint8_t> write_container(Container& container);

/// Puts an id into the host call at a fixup of `code`, the container's or a copy of it.
void bind_host_call(const Container& container, uint32_t fixup, uint32_t id, std::vector<uint8_t>& code);

/// The code with every host call bound to a firmware: the position of its declaration is its id.
/// Throws LoadError when the firmware does not declare what the guest imports.
[[nodiscard]] std::vector<uint8_t> bind_imports(const Container& container,
                                                std::span<const calls::Declaration> declarations);

} // namespace limpet
