# cmake -DOUTPUT=FILE.cpp -DSOURCE=DIR -DVERSION=X -P revision.cmake
# Writes the build's version and git revision as C++, touching the file only where they changed, so that
# a build without new commits links nothing again. Outside a git checkout the revision is "unknown".
set(revision "")
find_program(git_program git)
if(git_program AND EXISTS ${SOURCE}/.git)
  execute_process(COMMAND ${git_program} describe --always --dirty --abbrev=12 --exclude=*
                  WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE revision ERROR_QUIET
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
if(NOT revision)
  set(revision unknown)
endif()
set(text "#include \"scenarios/cli/verb.hpp\"
namespace windtunnel::scenarios::cli {
ToolVersion build_version();
ToolVersion build_version() { return {\"${VERSION}\", \"${revision}\"}; }
}
")
set(old "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} old)
endif()
if(NOT old STREQUAL text)
  file(WRITE ${OUTPUT} "${text}")
endif()
