# Klipper with Limpet: `make -f LIMPET/firmware/klipper/limpet.mk GOAL` in an unmodified checkout of Klipper does what
# `make GOAL` does there, with the add-on in the firmware.
#
# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE here).
#
#   LIMPET_BACKEND=   which interpreter (settings.py lists them); none: Klipper as it is
#   LIMPET_ISA=       what guests are compiled for (rv32ec)
#   LIMPET_CALLS=     the names of the host calls to include (all that the configuration has)
#   LIMPET_FILTER=    y: guests may filter native sensors' bulk data (y, but n where flash is scarce)
#   LIMPET_SHALLOW=   y: tasks share no stack frame, which saves 300 bytes of stack and costs up to 280 of flash
#                     (y, but n where flash is scarce)
#   LIMPET_SLICE_US=  how long a guest may hold up other tasks, in microseconds (100)

limpet_folder := $(dir $(lastword $(MAKEFILE_LIST)))
limpet_root := $(limpet_folder)../..

include Makefile

ifneq ($(filter Makefile,$(wildcard Makefile)),Makefile)
$(error run this in a checkout of Klipper)
endif

# Cortex-M: the least flash where flash is scarce, else fast.
limpet_is_arm := $(filter arm-none-eabi-,$(CROSS_PREFIX))
limpet_default := $(if $(CONFIG_MACH_LINUX),rv32-goto,$(if $(limpet_is_arm),$(if $(filter y,$(CONFIG_HAVE_LIMITED_CODE_SIZE)),rv32-tiny,rv32-threaded),none))
LIMPET_BACKEND ?= $(limpet_default)
LIMPET_ISA ?= $(if $(filter rv32-dense,$(LIMPET_BACKEND)),rv32dense,rv32ec)
LIMPET_SLICE_US ?= 100
limpet_roomy := $(if $(filter y,$(CONFIG_HAVE_LIMITED_CODE_SIZE)),n,y)
LIMPET_SHALLOW ?= $(limpet_roomy)
LIMPET_FILTER ?= $(limpet_roomy)

# Not where nothing is configured yet, nor for goals that build nothing.
limpet_builds := $(filter-out menuconfig olddefconfig clean distclean,$(or $(MAKECMDGOALS),all))
ifneq ($(LIMPET_BACKEND),none)
ifneq ($(and $(wildcard $(KCONFIG_CONFIG)),$(limpet_builds)),)

ifeq ($(CONFIG_MACH_LINUX)$(limpet_is_arm),)
$(error Limpet has no backend for this micro-controller (its compiler has no C++20): leave out LIMPET_BACKEND, or set it to none)
endif

limpet_words := $(shell $(PYTHON) $(limpet_folder)settings.py backend $(LIMPET_BACKEND) $(LIMPET_ISA))
ifeq ($(firstword $(limpet_words)),error)
$(error $(wordlist 2,99,$(limpet_words)))
endif
ifeq ($(firstword $(limpet_words))$(limpet_is_arm),thumb)
$(error LIMPET_BACKEND=$(LIMPET_BACKEND) is for Cortex-M only)
endif

ifneq ($(and $(filter rv32-jit rv32-jit/%,$(LIMPET_BACKEND)),$(filter y,$(CONFIG_MACH_STM32F7) $(CONFIG_MACH_STM32H7) $(CONFIG_MACH_SAME70))),)
$(error LIMPET_BACKEND=$(LIMPET_BACKEND) writes code that the instruction cache of this micro-controller would not see)
endif

limpet_out := $(OUT)src/limpet/
limpet_opt := $(word 2,$(limpet_words))
ifeq ($(limpet_opt)$(limpet_is_arm),asm)
limpet_opt := -O2
endif
limpet_flags := $(wordlist 9,99,$(limpet_words))
limpet_includes := -I$(limpet_root)/interp -I$(limpet_root)/interp/calls -I$(limpet_root)/firmware/service -I$(limpet_out)
limpet_isa_has = $(if $(findstring $(1),$(LIMPET_ISA:rv32%=%)),1,0)

# Klipper's flags, but for those that C++ does not know; and without link-time optimisation, which Limpet's backends are
# not tuned for.
CXX = $(CROSS_PREFIX)g++
limpet_no_lto = $(filter-out -flto=auto -fwhole-program -fno-use-linker-plugin,$(1))
limpet_cxxflags = $(filter-out -std=gnu11 -Wold-style-definition,$(CFLAGS)) -std=gnu++20 -ffreestanding -fno-exceptions \
    -fno-rtti -fno-threadsafe-statics $(limpet_includes)
limpet_filter := $(if $(filter yy,$(LIMPET_FILTER)$(CONFIG_NEED_SENSOR_BULK)),1,0)
limpet_charges_passes := $(if $(filter rv32-jit rv32-jit/%,$(LIMPET_BACKEND)),1,0)
limpet_has_call = $(if $(filter $(1),$(or $(LIMPET_CALLS),$(1))),1,0)
limpet_defines := -DLIMPET_FILTER=$(limpet_filter) -DLIMPET_SLICE_US=$(LIMPET_SLICE_US) -DLIMPET_CHUNK=$(word 5,$(limpet_words)) \
    -DLIMPET_CHUNK_BY_CODE=$(limpet_charges_passes) -DLIMPET_POLLS=$(call limpet_has_call,timer_poll) \
    -DLIMPET_SLEEPS=$(call limpet_has_call,timer_sleep) \
    -DLIMPET_PREPARES=$(word 6,$(limpet_words)) -DLIMPET_KIND_CRC=$(word 7,$(limpet_words)) \
    -DLIMPET_KIND_TEXT='"$(strip $(LIMPET_ISA) $(filter-out plain,$(word 8,$(limpet_words))))"'

# What is loaded in front of a loop occupies a register in it, and Thumb's are few. (The link keeps each function's own.)
limpet_small := -Os -fno-move-loop-invariants -fno-tree-loop-im

# For sizes.py.
ifdef LIMPET_MAP
CFLAGS_klipper.elf += -Wl,-Map=$(LIMPET_MAP)
endif

limpet_objects := $(limpet_out)service.o $(limpet_out)calls.o $(limpet_out)backend.o

# Klipper's rules name these when they are carried out, but took their prerequisites from them when they were read.
src-y += limpet/limpet.c
OBJS_klipper.elf += $(limpet_objects)
$(OUT)klipper.elf: $(limpet_out)limpet.o $(limpet_objects)
$(OUT)compile_time_request.o: $(limpet_out)limpet.o.ctr
ifneq ($(CONFIG_NEED_SENSOR_BULK),y)
src-y += sensor_bulk.c
$(OUT)klipper.elf: $(OUT)src/sensor_bulk.o
$(OUT)compile_time_request.o: $(OUT)src/sensor_bulk.o.ctr
endif

ifeq ($(limpet_filter),1)
$(OUT)src/sensor_bulk.o: private CFLAGS += -Dsensor_bulk_report=limpet_send_bulk
endif
$(OUT)src/sensor_bulk.o: $(limpet_out)said

# A command of ours sets up pins, too: one function that all call is smaller than a copy in each.
$(OUT)src/%/gpio.o: private CFLAGS += '-Dgpio_in_setup=__attribute__((__noinline__)) gpio_in_setup'

# All tasks are called from one function, into which link-time optimisation puts what they need of stack, 330 bytes, for
# all of them at once, before any of them calls anything. Not optimised, it only calls them.
ifeq ($(LIMPET_SHALLOW),y)
$(OUT)compile_time_request.o: private CFLAGS += '-Dctr_run_taskfuncs=__attribute__((optimize("O0"))) ctr_run_taskfuncs'
endif
$(OUT)compile_time_request.o: $(limpet_out)said

# Whatever was said above: when it changes, everything of Limpet is made again.
limpet_said := $(LIMPET_BACKEND) $(LIMPET_ISA) $(LIMPET_SLICE_US) $(LIMPET_SHALLOW) $(LIMPET_FILTER) $(LIMPET_CALLS)
$(limpet_out)said: FORCE | $(OUT)board-link
	$(Q)mkdir -p $(limpet_out)
	$(Q)echo '$(limpet_said)' | cmp -s - $@ || echo '$(limpet_said)' > $@

$(limpet_out)limpet_klipper_calls.h: $(limpet_out)said $(limpet_root)/firmware/sdk/klipper.calls $(limpet_folder)settings.py
	$(Q)$(PYTHON) $(limpet_folder)settings.py calls $(limpet_out) $(LIMPET_CALLS)

$(limpet_out)limpet.o: $(limpet_folder)limpet.c $(limpet_out)limpet_klipper_calls.h $(OUT)autoconf.h
	@echo "  Compiling $@"
	$(Q)$(CC) $(CFLAGS) $(limpet_small) $(limpet_includes) $(limpet_defines) -c $< -o $@

$(limpet_out)service.o: $(limpet_root)/firmware/service/limpet_service.cpp $(limpet_out)said $(OUT)autoconf.h
	@echo "  Compiling $@"
	$(Q)$(CXX) $(limpet_cxxflags) $(limpet_small) $(limpet_defines) -c $< -o $@

$(limpet_out)calls.o: $(limpet_root)/interp/calls/calls.cpp $(limpet_out)said $(OUT)autoconf.h
	@echo "  Compiling $@"
	$(Q)$(CXX) $(limpet_cxxflags) $(limpet_small) -c $< -o $@

ifneq ($(limpet_opt),asm)
$(limpet_out)backend.o: $(limpet_root)/variants/c_api.cpp $(limpet_out)said $(OUT)autoconf.h
	@echo "  Compiling $@"
	$(Q)$(CXX) $(call limpet_no_lto,$(limpet_cxxflags)) $(limpet_opt) $(limpet_flags) \
	    -DLIMPET_BACKEND_HEADER='"$(word 3,$(limpet_words))"' -DLIMPET_BACKEND_NAMESPACE=$(word 4,$(limpet_words)) \
	    -DLIMPET_ISA_NAME=$(LIMPET_ISA) -c $< -o $@
else
# Its tables are printed by a program of the machine that builds.
LIMPET_BUILD_CXX ?= g++
limpet_source := $(limpet_root)/variants/$(patsubst %.h,%.S,$(word 3,$(limpet_words)))
# Who has none uses those of rv32-tiny.
limpet_decoder := $(word 2,$(subst /, ,$(word 3,$(limpet_words))))
limpet_decoder := $(if $(wildcard $(limpet_root)/variants/rv32/$(limpet_decoder)/tables.cpp),$(limpet_decoder),tiny)
limpet_tables := $(limpet_out)$(limpet_decoder)_tables.inc
$(limpet_tables): $(limpet_root)/variants/rv32/$(limpet_decoder)/tables.cpp $(limpet_out)said
	$(Q)$(LIMPET_BUILD_CXX) -std=c++20 $< -o $(limpet_out)tables
	$(Q)$(limpet_out)tables > $@
$(limpet_out)backend.o: $(limpet_source) $(limpet_tables) $(OUT)autoconf.h
	@echo "  Compiling $@"
	$(Q)$(CC) $(call limpet_no_lto,$(CFLAGS)) -DLIMPET_COMPRESSED=$(call limpet_isa_has,c) \
	    -DLIMPET_MULTIPLY=$(call limpet_isa_has,m) -DLIMPET_XLIMPET=$(call limpet_isa_has,x) -Wa,-I$(limpet_out) -I$(dir $<) -c $< -o $@
endif

-include $(limpet_out)*.d

endif
endif
