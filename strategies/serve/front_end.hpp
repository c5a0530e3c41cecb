// What lies between a client and the engine, as times of one request.
//
// A protocol costs parsing and framing: REST (HTTP/1.1 and JSON) 0.5 ms in and 0.2 ms out, gRPC 0.15
// and 0.05 ms (Triton's and TensorFlow Serving's documentation call gRPC the faster; the figures are
// assumptions of that order). `overhead` and `network` come on top.
#pragma once

#include "strategies/serve/job.hpp"

namespace windtunnel::strategies {

struct FrontEndCosts {
  double in = 0,
         out = 0;  // seconds: until the engine has the request; until the client has an answer
};

inline FrontEndCosts front_end_costs(const FrontEnd& front) {
  const double in = front.protocol == Protocol::rest   ? 0.5e-3
                    : front.protocol == Protocol::grpc ? 0.15e-3
                                                       : 0.0;
  const double out = front.protocol == Protocol::rest   ? 0.2e-3
                     : front.protocol == Protocol::grpc ? 0.05e-3
                                                        : 0.0;
  return {.in = in + front.overhead.value() + front.network.value(),
          .out = out + front.network.value()};
}

}  // namespace windtunnel::strategies
