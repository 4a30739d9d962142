#include "session.h"

namespace limpet {

/// Where the next call starts, with its arguments in the registers.
std::optional<uint32_t> Session::next_entry() {
    const std::optional<EntryCall> call = schedule_.next();
    if (!call) return std::nullopt;
    guest().set_arguments(call->arguments);
    return call->address;
}

/// Tells the schedule when the call has ended well. Any other end is one of the run.
bool Session::call_has_returned() {
    if (ended_by_tohost() || (status_ != LIMPET_RETURN && status_ != LIMPET_ECALL)) return false;
    schedule_.returned(guest().result());
    return true;
}

void Session::run() {
    while (const auto entry = next_entry()) {
        status_ = execution_.call(*entry);
        while (status_ == LIMPET_STORE && watch_ != nullptr) {
            status_ = watch_->after_store_trap(execution_);
            if (status_ == LIMPET_STORE || watch_->fired()) break;
            status_ = execution_.resume();
        }
        if (!call_has_returned()) break;
    }
}

void Session::stand_at_next_call() {
    while (const auto entry = next_entry()) {
        status_ = execution_.backend.call(guest(), *entry, 0);
        running_ = status_ == LIMPET_FUEL && !execution_.exhausted();
        if (running_ || !call_has_returned()) return;
    }
    running_ = false;
}

void Session::start() { stand_at_next_call(); }

void Session::step() {
    const limpet_bpf_vm before = guest().bpf;
    status_ = execution_.step();
    if (status_ == LIMPET_STORE && watch_ != nullptr) status_ = watch_->after_store_trap(execution_);
    const bool executed = status_ == LIMPET_FUEL || status_ == LIMPET_RETURN;
    if (executed && observer) observer(before);
    running_ = status_ == LIMPET_FUEL && !ended_by_tohost() && !execution_.exhausted();
    if (call_has_returned()) stand_at_next_call();
}

} // namespace limpet
