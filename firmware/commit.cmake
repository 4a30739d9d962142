# cmake -DOUT=FILE -DSOURCE=FOLDER -P commit.cmake: writes FILE, a header with the commit that is built; touches it only
# when it changed, so that a commit relinks images and compiles nothing else.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=* OUTPUT_VARIABLE commit
                OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT commit)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "#pragma once\n\n#define LIMPET_COMMIT \"${commit}\"\n")
