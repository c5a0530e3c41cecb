// A star of TCP connections around rank 0: every exchange goes up to rank 0 and back down. Messages
// are a 64-bit length and bytes. Fine for the few small words that measuring needs.
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>
#include <utility>

#include "real/launch_environment.hpp"
#include "sim/base/contract.hpp"

namespace windtunnel::real {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint64_t kLongestMessage = 64U << 20;

class Socket {
 public:
  explicit Socket(int descriptor = -1) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }

  void send(const std::string& text) const {
    const std::uint64_t length = text.size();
    send_bytes(reinterpret_cast<const char*>(&length), sizeof(length));
    send_bytes(text.data(), text.size());
  }
  std::string receive() const {
    std::uint64_t length = 0;
    receive_bytes(reinterpret_cast<char*>(&length), sizeof(length));
    if (length > kLongestMessage) throw base::EnvironmentError("a stranger spoke on our port");
    std::string text(length, '\0');
    receive_bytes(text.data(), text.size());
    return text;
  }

 private:
  void send_bytes(const char* bytes, std::size_t count) const {
    while (count > 0) {
      const ssize_t sent = ::send(descriptor_, bytes, count, MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent <= 0) throw base::EnvironmentError("a process of this measurement has gone");
      bytes += sent;
      count -= static_cast<std::size_t>(sent);
    }
  }
  void receive_bytes(char* bytes, std::size_t count) const {
    while (count > 0) {
      const ssize_t got = ::recv(descriptor_, bytes, count, 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) throw base::EnvironmentError("a process of this measurement has gone");
      bytes += got;
      count -= static_cast<std::size_t>(got);
    }
  }

  int descriptor_;
};

void send_at_once(const Socket& socket) {
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

class TcpPeers : public Peers {
 public:
  // links: on rank 0 one a peer in order of rank, else the one to rank 0.
  TcpPeers(int rank, std::vector<Socket> links) : rank_(rank), links_(std::move(links)) {}
  void set_size(int size) { size_ = size; }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void barrier() override { max(0.0); }
  double max(double value) override {
    double most = value;
    for (const std::string& text : gather({reinterpret_cast<const char*>(&value), sizeof(value)})) {
      double other = 0.0;
      std::memcpy(&other, text.data(), std::min(text.size(), sizeof(other)));
      most = std::max(most, other);
    }
    return most;
  }
  std::string broadcast(const std::string& from_rank_0) override {
    if (rank_ != 0) return links_[0].receive();
    for (const Socket& link : links_) link.send(from_rank_0);
    return from_rank_0;
  }
  std::vector<std::string> gather(const std::string& mine) override {
    std::vector<std::string> all(1, mine);
    if (rank_ == 0) {
      for (const Socket& link : links_) all.push_back(link.receive());
    } else {
      links_[0].send(mine);
      all.clear();
    }
    std::string packed;
    for (const std::string& text : all) packed += fmt::format("{}:{}", text.size(), text);
    packed = broadcast(packed);
    all.clear();
    for (std::size_t at = 0; at < packed.size();) {
      const std::size_t colon = packed.find(':', at);
      const std::size_t length = std::stoul(packed.substr(at, colon - at));
      all.push_back(packed.substr(colon + 1, length));
      at = colon + 1 + length;
    }
    return all;
  }

 private:
  int rank_;
  int size_ = 1;
  std::vector<Socket> links_;
};

struct Address {
  std::string host, port;
};

Socket listen_on(int port) {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(socket.get(), 1024) != 0)
    throw base::EnvironmentError(
        fmt::format("rank 0 cannot listen on port {}: {}", port, std::strerror(errno)));
  return socket;
}

int port_of(const Socket& socket) {
  sockaddr_in address{};
  socklen_t length = sizeof(address);
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

std::optional<Socket> try_connect(const Address& to) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(to.host.c_str(), to.port.c_str(), &hints, &found) != 0) return std::nullopt;
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const bool there = ::connect(socket.get(), found->ai_addr, found->ai_addrlen) == 0;
  ::freeaddrinfo(found);
  if (!there) return std::nullopt;
  return socket;
}

std::string own_host() {
  char name[256] = {};
  ::gethostname(name, sizeof(name) - 1);
  return name;
}

// Written under another name first, so that no rank reads half an address.
void publish(const std::filesystem::path& file, const std::string& address) {
  const std::filesystem::path part = file.string() + ".part";
  std::ofstream(part) << address << "\n";
  std::error_code error;
  std::filesystem::rename(part, file, error);
  if (error)
    throw base::EnvironmentError(
        fmt::format("cannot write the rendezvous file '{}': {}", file.string(), error.message()));
}

std::optional<Address> read_address(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  const std::size_t colon = line.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  return Address{line.substr(0, colon), line.substr(colon + 1)};
}

[[noreturn]] void too_late(const std::string& what, double timeout_s) {
  throw base::EnvironmentError(fmt::format("{} within {:g} s", what, timeout_s));
}

std::vector<Socket> accept_all(const Socket& listener, const LaunchEnvironment& environment,
                               double timeout_s) {
  std::vector<Socket> links(static_cast<std::size_t>(environment.size - 1));
  const auto deadline = Clock::now() + std::chrono::duration<double>(timeout_s);
  for (int missing = environment.size - 1; missing > 0; --missing) {
    pollfd waiting{listener.get(), POLLIN, 0};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) != 1)
      too_late(fmt::format("{} of {} processes did not come to rank 0", missing, environment.size),
               timeout_s);
    Socket link(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    send_at_once(link);
    const int rank = std::atoi(link.receive().c_str());
    if (rank < 1 || rank >= environment.size ||
        links[static_cast<std::size_t>(rank - 1)].get() >= 0)
      throw base::EnvironmentError(fmt::format("two processes say that they are rank {}", rank));
    links[static_cast<std::size_t>(rank - 1)] = std::move(link);
  }
  return links;
}

Socket connect_to_rank_0(const std::optional<Address>& fixed, const LaunchEnvironment& environment,
                         const Rendezvous& rendezvous) {
  const auto deadline = Clock::now() + std::chrono::duration<double>(rendezvous.timeout_s);
  while (Clock::now() < deadline) {
    const auto address = fixed ? fixed : read_address(rendezvous.file);
    if (address) {
      if (auto socket = try_connect(*address)) {
        send_at_once(*socket);
        socket->send(std::to_string(environment.rank));
        return std::move(*socket);
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  too_late(fmt::format("rank {} did not reach rank 0", environment.rank), rendezvous.timeout_s);
}

}  // namespace

std::unique_ptr<Peers> connect_peers(const LaunchEnvironment& environment,
                                     const Rendezvous& rendezvous) {
  if (environment.size == 1) return std::make_unique<NoPeers>();
  std::optional<Address> fixed;
  const auto host = process_environment("MASTER_ADDR"), port = process_environment("MASTER_PORT");
  if (host && port) fixed = Address{*host, *port};
  std::vector<Socket> links;
  if (environment.rank == 0) {
    const Socket listener = listen_on(fixed ? std::atoi(fixed->port.c_str()) : 0);
    if (!fixed) {
      const std::string name =
          environment.local_size == environment.size ? "127.0.0.1" : own_host();
      publish(rendezvous.file, fmt::format("{}:{}", name, port_of(listener)));
    }
    links = accept_all(listener, environment, rendezvous.timeout_s);
    std::error_code ignored;
    if (!fixed) std::filesystem::remove(rendezvous.file, ignored);
  } else {
    links.push_back(connect_to_rank_0(fixed, environment, rendezvous));
  }
  auto peers = std::make_unique<TcpPeers>(environment.rank, std::move(links));
  peers->set_size(environment.size);
  return peers;
}

}  // namespace windtunnel::real
