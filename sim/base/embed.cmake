# windtunnel_embed(<target> <function> FILES files... [BASE dir])
# Puts files into <target> byte for byte (.incbin) and defines
#   std::span<const windtunnel::base::EmbeddedFile> windtunnel::embedded::<function>();
# Names are paths relative to BASE (default: the current source directory).
function(windtunnel_embed target function)
  cmake_parse_arguments(ARG "" "BASE" "FILES" ${ARGN})
  if(NOT ARG_BASE)
    set(ARG_BASE ${CMAKE_CURRENT_SOURCE_DIR})
  endif()
  set(assembly "    .section .rodata\n")
  set(externs "")
  set(rows "")
  set(index 0)
  foreach(file IN LISTS ARG_FILES)
    file(RELATIVE_PATH name ${ARG_BASE} ${file})
    set(symbol "wt_embed_${function}_${index}")
    string(APPEND assembly "    .global ${symbol}\n    .global ${symbol}_end\n    .balign 16\n${symbol}:\n"
                           "    .incbin \"${file}\"\n${symbol}_end:\n    .byte 0\n")
    string(APPEND externs "extern \"C\" const char ${symbol}[];\nextern \"C\" const char ${symbol}_end[];\n")
    string(APPEND rows "      {\"${name}\", {${symbol}, static_cast<std::size_t>(${symbol}_end - ${symbol})}},\n")
    math(EXPR index "${index} + 1")
  endforeach()
  string(APPEND assembly "    .section .note.GNU-stack,\"\",@progbits\n")
  set(asm_file ${CMAKE_CURRENT_BINARY_DIR}/embed_${function}.S)
  set(cpp_file ${CMAKE_CURRENT_BINARY_DIR}/embed_${function}.cpp)
  file(CONFIGURE OUTPUT ${asm_file} CONTENT "${assembly}" @ONLY)
  string(CONCAT cpp "#include <cstddef>\n#include <span>\n#include <vector>\n#include \"sim/base/embedded.hpp\"\n${externs}"
          "namespace windtunnel::embedded {\n"
          "std::span<const base::EmbeddedFile> ${function}();\n"
          "std::span<const base::EmbeddedFile> ${function}() {\n"
          "  static const std::vector<base::EmbeddedFile> kFiles{\n${rows}  };\n  return kFiles;\n}\n}\n")
  file(CONFIGURE OUTPUT ${cpp_file} CONTENT "${cpp}" @ONLY)
  set_source_files_properties(${asm_file} PROPERTIES OBJECT_DEPENDS "${ARG_FILES}")
  target_sources(${target} PRIVATE ${asm_file} ${cpp_file})
endfunction()
