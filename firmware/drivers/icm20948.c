/* ICM-20948 on I2C. Register addresses and bits: InvenSense DS-000189, user bank 0, INT_STATUS_2, FIFO_COUNTH,
 * FIFO_R_W. The PC sets the chip up: only the accelerometer fills the FIFO. */
#include <stdint.h>

enum register_address { kOverflowStatus = 0x1b, kFifoCountHigh = 0x70, kFifoData = 0x72 };

enum { kFifoOverflow = 0x0f }; /* of INT_STATUS_2: one bit for each of its FIFOs */

#include "invensense.h"
