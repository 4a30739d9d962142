/// \file
/// Feeds libFuzzer's inputs to the readers of declarations: imports files and the dictionary string of a firmware.
/// What is accepted must be read again as the same from its canonical form, and make prototypes.
#include "../../interp/calls/signature.h"

#include <cstdlib>
#include <string_view>

namespace {

using namespace limpet::calls;

void use(const std::vector<Declaration>& declarations) {
    const std::string text = dictionary(declarations);
    if (dictionary(parse_dictionary(text)) != text || prototypes(declarations).empty()) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(input), size);
    for (const auto read : {parse_imports, parse_dictionary}) try {
            use(read(text));
        } catch (const DeclarationError&) { // refused
        }
    return 0;
}
