# The target `commit` writes limpet_commit.h, a header with the commit that is built, into ${LIMPET_COMMIT_FOLDER}; it
# touches the file only when that changed, so that a commit relinks images and compiles nothing else.
if(CMAKE_SCRIPT_MODE_FILE)
  execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=* OUTPUT_VARIABLE commit
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT commit)
    set(commit unknown)
  endif()
  file(CONFIGURE OUTPUT ${OUT} CONTENT "#pragma once\n\n#define LIMPET_COMMIT \"${commit}\"\n")
else()
  set(LIMPET_COMMIT_FOLDER ${CMAKE_CURRENT_BINARY_DIR}/commit)
  add_custom_target(commit
    COMMAND ${CMAKE_COMMAND} -DOUT=${LIMPET_COMMIT_FOLDER}/limpet_commit.h -DSOURCE=${LIMPET_ROOT}
            -P ${CMAKE_CURRENT_LIST_FILE}
    BYPRODUCTS ${LIMPET_COMMIT_FOLDER}/limpet_commit.h)
endif()
