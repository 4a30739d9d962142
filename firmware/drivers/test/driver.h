/// \file
/// A driver under test: its image on one backend, in a firmware.
#pragma once

#include "firmware.h"

#include "../../../interp/image/container.h"
#include "../../../variants/registry.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>

namespace limpet::drivers {

class Driver {
public:
    /// `name`: of the image, as in images.cmake.
    Driver(const Backend& backend, const std::string& name);

    Firmware firmware;
    limpet_status expected_status = LIMPET_RETURN; ///< of the calls that follow

    /// A command of the PC.
    void call(const std::string& entry, std::initializer_list<uint32_t> arguments = {});

    /// Lets `ticks` pass, with a run of `task` each time that the firmware finds it pending.
    void run_for(uint32_t ticks);

    /// Runs `task` once, as soon as the timer goes off. It is an error when it does not.
    void run_once();

    [[nodiscard]] uint32_t runs() const { return runs_; } ///< of `task`

private:
    void run_task();
    uint32_t run(uint32_t address, std::span<const uint32_t> arguments);

    const Backend& backend_;
    Container container_;
    std::unique_ptr<Guest> guest_;
    uint32_t runs_ = 0;
};

/// A test that is run on every backend.
class DriverTest : public testing::TestWithParam<const Backend*> {
protected:
    static const Backend& backend() { return *GetParam(); }
};

/// "rv32ec_rv32_goto_lean"
std::string backend_name(const testing::TestParamInfo<const Backend*>& info);

/// Those of every isa that images are made for.
std::vector<const Backend*> all_backends();

} // namespace limpet::drivers

// GoogleTest's way to run each test of a class for each value needs a macro.
#define LIMPET_TEST_ON_ALL_BACKENDS(suite)                                                                             \
    INSTANTIATE_TEST_SUITE_P(Backends, suite, testing::ValuesIn(limpet::drivers::all_backends()),                      \
                             limpet::drivers::backend_name)
