#include "real/cli/measure.hpp"

int main(int argc, char** argv) {
  using namespace windtunnel::real;
  const Program program{.devices = {{"cuda", make_cuda_device}, {"cpu", make_cpu_device}},
                        .processes = Program::Processes::starts_mpi};
  return measure(std::vector<std::string>(argv, argv + argc), program);
}
