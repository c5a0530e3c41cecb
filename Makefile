# windtunnel: `make demo` sets up, builds and shows the first result; `make test` sets up, builds and tests.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build
.PHONY: deps test-deps configure build demo test bench profiles clean

WITH_CUDA ?= auto
JOBS ?= $(shell nproc)
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
APT := DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends
PACKAGES := g++ cmake ninja-build pkg-config libsimgrid-dev libboost-dev libyaml-cpp-dev libeigen3-dev \
  libcli11-dev libfmt-dev nlohmann-json3-dev libpugixml-dev zlib1g-dev libsqlite3-dev libopenmpi-dev \
  openmpi-bin nodejs npm
TEST_PACKAGES := libgtest-dev libgmock-dev libbenchmark-dev librapidcheck-dev chromium clang-format
ECHARTS := reports/web/node_modules/echarts/dist/echarts.min.js
DEMO := scenarios/library/collectives/ring-vs-tree.yaml

# Installs those of the packages $(1) that are missing; says nothing where none is.
define install_missing
missing=(); for package in $(1); do \
  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing+=($$package); done; \
if [ $${#missing[@]} -gt 0 ]; then \
  if command -v npm >/dev/null; then missing=($${missing[@]/nodejs/}); missing=($${missing[@]/npm/}); fi; \
  if [ $${#missing[@]} -gt 0 ]; then $(SUDO) $(APT) update; $(SUDO) $(APT) install $${missing[@]}; fi; fi
endef

deps: ## what building needs: Debian packages, and ECharts for the report
	@$(call install_missing,$(PACKAGES))
	@[ -s $(ECHARTS) ] || npm ci --prefix reports/web --silent --no-progress

test-deps: deps
	@$(call install_missing,$(TEST_PACKAGES))

configure: deps
	@cmake --preset release -DWINDTUNNEL_CUDA=$(WITH_CUDA) $(CONFIGURE_FLAGS) > build.log 2>&1 || { cat build.log; exit 1; }
	@mv build.log build/configure.log; sed -n 's/^-- \(.* left out: .*\)/\1/p' build/configure.log

build: CONFIGURE_FLAGS ?= -DWINDTUNNEL_TESTS=OFF
build: configure
	@cmake --build build -j $(JOBS) --target windtunnel windtunnel-measure

demo: build
	@mkdir -p out
	@build/windtunnel run $(DEMO) --out out/ring-vs-tree
	@echo; echo "The report is $(CURDIR)/out/ring-vs-tree/report.html"

test: test-deps
	@$(MAKE) --no-print-directory configure CONFIGURE_FLAGS=-DWINDTUNNEL_TESTS=ON
	@cmake --build build -j $(JOBS)
	@ctest --test-dir build --output-on-failure -j $(JOBS)

bench: test-deps
	@$(MAKE) --no-print-directory configure CONFIGURE_FLAGS=-DWINDTUNNEL_TESTS=ON
	@cmake --build build -j $(JOBS) --target bench
	@for program in build/tests/bench/bench_*; do [ -x $$program ] && $$program; done

profiles: build ## the shipped kernel profiles anew, from ../shared/measurements/ops (about eight minutes)
	@WINDTUNNEL=$(CURDIR)/build/windtunnel calibration/profiles/make.sh

clean:
	rm -rf build build-dev build-asan build-tsan out
