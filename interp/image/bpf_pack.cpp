#include "bpf_pack.h"

#include "../bpf/decode.h"
#include "../bpf/fault.h"
#include "container_format.h"
#include "pack.h"
#include "stack_use.h"

#include <algorithm>
#include <map>
#include <set>

namespace limpet {

namespace {

using namespace bpf;

/// What a microcontroller may be asked to keep of calls under way.
constexpr uint32_t kFramesMax = 256;

/// The last function at or before an address.
std::string function_at(const std::vector<Symbol>& functions, uint32_t address) {
    const Symbol* best = nullptr;
    for (const Symbol& symbol : functions)
        if (symbol.address <= address && (best == nullptr || symbol.address >= best->address)) best = &symbol;
    // Without the suffixes that compilers add.
    return best == nullptr ? "at " + std::to_string(address) : best->name.substr(0, best->name.find('.'));
}

/// How many frames functions need, their own included: the longest way through all that they call.
class Depth {
public:
    explicit Depth(const BpfObject& object) : object_(object), bounds_(declared_stack_bounds(object.notes)) {}

    uint32_t frames(uint32_t function) {
        if (const auto known = known_.find(function); known != known_.end()) return known->second;
        const std::string name = function_at(object_.functions, function);
        if (const auto bound = std::ranges::find(bounds_, name, &StackBound::function); bound != bounds_.end())
            return known_[function] = frames_in(bound->bytes, object_);
        if (std::ranges::find(calls_, function) != calls_.end()) fail_recursion(function);
        calls_.push_back(function);
        uint32_t deepest = 0;
        for (const uint32_t callee : callees(function)) deepest = std::max(deepest, frames(callee));
        calls_.pop_back();
        return known_[function] = deepest + 1;
    }

    static uint32_t frames_in(uint32_t bytes, const BpfObject& object) {
        return std::max(1U, bytes / std::max(object.frame_bytes, kSlotBytes));
    }

private:
    /// What the function that starts there calls, along all its branches.
    [[nodiscard]] std::set<uint32_t> callees(uint32_t function) const {
        std::set<uint32_t> result;
        std::set<uint32_t> seen;
        std::vector<uint32_t> to_do = {function / kSlotBytes};
        while (!to_do.empty()) {
            const uint32_t slot = to_do.back();
            to_do.pop_back();
            if (!seen.insert(slot).second) continue;
            const uint64_t insn = slot_at(object_.code, slot);
            const Instruction& row = *find_instruction(insn); // the code has been verified
            if (branches(row)) {
                const auto target = static_cast<uint32_t>(slot + distance(row, insn));
                if (row.format == Format::kCall)
                    result.insert(target * kSlotBytes);
                else
                    to_do.push_back(target);
            }
            if (!is_end(row)) to_do.push_back(slot + slots(row));
        }
        return result;
    }

    [[noreturn]] void fail_recursion(uint32_t function) const {
        std::string path;
        for (auto at = std::ranges::find(calls_, function); at != calls_.end(); ++at)
            path += function_at(object_.functions, *at) + " -> ";
        const std::string name = function_at(object_.functions, function);
        throw LoadError("stack use: function " + name + " calls itself: " + path + name +
                        "; declare its bound with LIMPET_STACK(" + name + ", bytes)");
    }

    const BpfObject& object_;
    const std::vector<StackBound> bounds_;
    std::map<uint32_t, uint32_t> known_;
    std::vector<uint32_t> calls_; ///< functions being looked at, outermost first
};

/// Finds the host calls of an image, writes them down as fixups, and unbinds them.
void take_imports(Container& image, const BpfObject& object, std::span<const calls::Declaration> declarations) {
    std::map<uint32_t, std::vector<uint32_t>> found; // id: offsets
    for (uint32_t at = 0; at < image.code.size();) {
        const uint64_t insn = slot_at(image.code, at / kSlotBytes);
        const Instruction& row = *find_instruction(insn);
        if (row.format == Format::kCall && row.src.value == 0) found[static_cast<uint32_t>(imm(insn))].push_back(at);
        at += slots(row) * kSlotBytes;
    }
    for (const auto& [id, offsets] : found) {
        if (id >= declarations.size())
            throw LoadError("host call " + std::to_string(static_cast<int32_t>(id)) + " is not declared in function " +
                            function_at(object.functions, offsets[0]));
        for (const uint32_t offset : offsets) bind_host_call(image, offset, kUnboundId, image.code);
        image.imports.push_back(
            {.name = declarations[id].name, .signature = canonical(declarations[id]), .fixups = offsets});
    }
    std::ranges::sort(image.imports, {}, &Import::name); // whatever the order of the declarations
}

} // namespace

Container pack_bpf(std::span<const uint8_t> file, const std::string& isa,
                   std::span<const calls::Declaration> declarations, std::optional<uint32_t> stack_bytes) {
    const BpfObject draft = read_bpf_object(file, 0);
    Container image;
    image.isa = isa;
    image.entries = named_entries(draft.functions);
    if (const auto fault = find_fault(draft.code))
        throw LoadError(describe(*fault, draft.code) + " (in function " +
                        function_at(draft.functions, fault->slot * kSlotBytes) + ")");
    uint32_t frames = 1;
    Depth depth(draft);
    if (stack_bytes)
        frames = Depth::frames_in(*stack_bytes, draft);
    else
        for (const Entry& entry : image.entries) frames = std::max(frames, depth.frames(entry.address));
    frames = std::min(frames, kFramesMax);

    image.stack_bytes = stack_bytes.value_or(frames * draft.frame_bytes);
    const BpfObject object = read_bpf_object(file, image.stack_bytes);
    image.frame_bytes = object.frame_bytes;
    image.frame_count = frames - 1;
    image.stack_top = object.stack_top;
    image.windows.data_size = static_cast<uint32_t>(object.data.size());
    image.windows.writable_start = object.writable_start;
    image.windows.code_start = image.windows.data_size; // a multiple of 8
    image.windows.code_size = static_cast<uint32_t>(object.code.size());
    image.data.assign(object.data.begin(), object.data.begin() + static_cast<ptrdiff_t>(object.initialised_bytes));
    image.code = object.code;
    for (Entry& entry : image.entries) entry.address += image.windows.code_start;
    take_imports(image, object, declarations);
    return image;
}

} // namespace limpet
