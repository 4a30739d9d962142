@ Enters the application whose vector table is at VECTORS.
    ldr r0, =VECTORS
    ldr r1, =0xe000ed08         @ VTOR (ARM DDI0419C, B3.2.5)
    str r0, [r1]
    ldm r0!, {r1, r2}           @ stack, reset
    msr msp, r1
    bx r2
    .pool
