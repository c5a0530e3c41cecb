// How many times this thread has called operator new: what a warm path must not raise.
#pragma once

namespace windtunnel::tests {
long allocations_of_this_thread();
}
