# cmake --install: the headers, the library, and a package that find_package(limpet) finds.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
install(TARGETS limpet EXPORT limpetTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES interp/limpet.h interp/limpet_bpf.h interp/calls/limpet_calls.h interp/calls/limpet_calls_templates.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT limpetTargets NAMESPACE limpet:: FILE limpetConfig.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/limpet)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/limpetConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/limpetConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/limpet)
