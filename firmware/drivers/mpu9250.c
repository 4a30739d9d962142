/* MPU-9250, MPU-6500 and their kin on I2C. Register addresses and bits: InvenSense RM-MPU-9250A-00, registers 58, 114
 * to 116. The PC sets the chip up: only the accelerometer fills the FIFO. */
#include <stdint.h>

enum register_address { kOverflowStatus = 0x3a, kFifoCountHigh = 0x72, kFifoData = 0x74 };

enum { kFifoOverflow = 0x10 }; /* of INT_STATUS */

#include "invensense.h"
