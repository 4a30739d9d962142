# No kernels of known cost: what an instruction takes on a PC is no constant.
    .section .rodata.calibration, "a"
    .balign 8
    .global calibration_table, calibration_table_end
calibration_table:
calibration_table_end:
    .section .note.GNU-stack, "", %progbits
