// Work in a forked child: SimGrid allows one engine a process and never resets its clock, so
// whatever makes one runs here, in programs and in tests alike. The parent must never make a
// SimGrid engine.
#pragma once

#include <functional>
#include <string>

namespace windtunnel::sim {

// Runs `work` in a child process and returns the bytes it returned. An exception there is thrown
// here as std::runtime_error with its text (InputError, EnvironmentError and ContractViolation keep
// their type); a child that dies is a std::runtime_error that names the signal.
std::string run_isolated(const std::function<std::string()>& work);

}  // namespace windtunnel::sim
