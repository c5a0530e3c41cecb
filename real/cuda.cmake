# The CUDA half of windtunnel-measure: kernels, cuBLASLt, NCCL, whole steps. Libraries are linked dynamically
# and looked for in the toolkit's folder first (rpath), so that the program stays small.
find_package(CUDAToolkit REQUIRED)
find_path(WINDTUNNEL_NCCL_INCLUDE nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS} ENV NCCL_HOME PATH_SUFFIXES include)
find_path(WINDTUNNEL_CUDNN_INCLUDE cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS} ENV CUDNN_HOME PATH_SUFFIXES include)
find_library(WINDTUNNEL_CUDNN_LIBRARY NAMES cudnn libcudnn.so.9 HINTS ${CUDAToolkit_LIBRARY_DIR} ENV CUDNN_HOME
             PATH_SUFFIXES lib lib64)

file(GLOB cuda_sources CONFIGURE_DEPENDS cuda/*.cpp cuda/*.cu steps/device/*.cpp steps/device/*.cu
     nccl/device/*.cpp nccl/device/*.cu)
# NCCL is loaded when it is first asked for (dlopen), so that one binary runs with and without it; only its
# header is needed here.
if(NOT WINDTUNNEL_NCCL_INCLUDE)
  message(STATUS "NCCL left out: nccl.h not found")
endif()
if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/cuda/cuda_device.cpp)
  list(APPEND cuda_sources ${CMAKE_CURRENT_SOURCE_DIR}/without_cuda/make_cuda_device.cpp)
endif()
add_library(windtunnel_real_cuda STATIC ${cuda_sources})
target_link_libraries(windtunnel_real_cuda PUBLIC windtunnel::real CUDA::cudart CUDA::cublas CUDA::cublasLt
                                                  Threads::Threads ${CMAKE_DL_LIBS})
set_target_properties(windtunnel_real_cuda PROPERTIES CUDA_RUNTIME_LIBRARY Shared CUDA_STANDARD 20
                      CUDA_STANDARD_REQUIRED ON CUDA_ARCHITECTURES "${WINDTUNNEL_CUDA_ARCHS}")
if(WINDTUNNEL_NCCL_INCLUDE)
  target_compile_definitions(windtunnel_real_cuda PUBLIC WINDTUNNEL_HAS_NCCL=1)
  target_include_directories(windtunnel_real_cuda SYSTEM PUBLIC ${WINDTUNNEL_NCCL_INCLUDE})
endif()
if(WINDTUNNEL_CUDNN_INCLUDE AND WINDTUNNEL_CUDNN_LIBRARY)
  target_compile_definitions(windtunnel_real_cuda PUBLIC WINDTUNNEL_HAS_CUDNN=1)
  target_include_directories(windtunnel_real_cuda SYSTEM PUBLIC ${WINDTUNNEL_CUDNN_INCLUDE})
  target_link_libraries(windtunnel_real_cuda PUBLIC ${WINDTUNNEL_CUDNN_LIBRARY})
else()
  message(STATUS "cuDNN left out: cudnn.h not found")
endif()
