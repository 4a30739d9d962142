# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""Klipper's own sensor drivers, in terms of guests: which image stands in for which, with which devices, what becomes
of the commands that klippy's sensor classes send, and of the messages that they expect.

The formats are those of Klipper's firmware, word by word: klippy compares them."""


class Config:
    """A command that configures a sensor. image: its name; devices: (kind, parameter, value) in the order of their
    handles; both may be functions of the command's parameters."""

    def __init__(self, image, devices):
        self.image = image
        self.devices = devices

    def resolve(self, parameters):
        """Name of the image, and devices."""
        return tuple(value(parameters) if callable(value) else value for value in (self.image, self.devices))


class Call:
    """A command that calls an entry, with the parameters behind the oid as its words. more: words that the guest gets
    behind them, of (sensor, mcu). data: the parameter is what `receive` gives."""

    def __init__(self, name, entry, more=lambda sensor, mcu: [], data=False):
        self.format = name
        self.entry = entry
        self.more = more
        self.data = data


class Response:
    """A message as klippy expects it, made from the fields of the guest's."""

    def __init__(self, message, name, convert=dict):
        self.message = message
        self.format = name
        self.convert = convert


def lower(parameter):
    return lambda parameters: parameters[parameter].lower()


def on_bus(name):
    """The images of a chip on SPI and on I2C."""
    return lambda parameters: name(parameters) + ("-i2c" if parameters["bus_oid_type"] == "i2c" else "")


def bus_devices(parameters):
    return [(parameters["bus_oid_type"], "bus_oid", 0)]


CONFIGS = {
    "config_thermocouple": Config(lower("thermocouple_type"), [("spi", "spi_oid", 0)]),
    "config_adxl345": Config("adxl345", [("spi", "spi_oid", 0)]),
    "config_lis2dw": Config(on_bus(lower("lis_chip_type")), bus_devices),
    "config_bmi160": Config(on_bus(lambda parameters: "bmi160"), bus_devices),
    "config_mpu9250": Config("mpu9250", [("i2c", "i2c_oid", 0)]),
    "config_icm20948": Config("icm20948", [("i2c", "i2c_oid", 0)]),
    "config_spi_angle": Config(lower("spi_angle_type"), [("spi", "spi_oid", 0)]),
    # The clock pin starts high, which powers the chip down until it measures.
    "config_hx71x": Config("hx71x", [("gpio_in", "dout_pin", 1), ("gpio_out", "sclk_pin", 1)]),
    "config_ads1220": Config("ads1220", [("spi", "spi_oid", 0), ("gpio_in", "data_ready_pin", 0)]),
    "config_ads131m0x": Config("ads131m0x", [("spi", "spi_oid", 0), ("gpio_in", "data_ready_pin", 0)]),
    "config_ldc1612": Config("ldc1612", [("i2c", "i2c_oid", 0)]),
    "config_ldc1612_with_intb": Config("ldc1612-intb", [("i2c", "i2c_oid", 0), ("gpio_in", "intb_pin", 1)]),
}


def angle_limit(sensor, mcu):
    """How long a reading may take for its time to be right: an SPI transfer, or of the TLE5012B, which latches its
    angle, half of its frame counter's period (firmware/drivers/README.md)."""
    return [mcu.seconds_to_clock(0.001365 if sensor.image_name == "tle5012b" else 0.000050)]


def configured(*names):
    """Parameters of the command that has configured the sensor."""
    return lambda sensor, mcu: [int(sensor.parameters[name]) for name in names]


CALLS = [
    Call("query_thermocouple oid=%c clock=%u rest_ticks=%u min_value=%u max_value=%u max_invalid_count=%c", "query"),
    Call("query_spi_angle oid=%c clock=%u rest_ticks=%u time_shift=%c", "query", angle_limit),
    Call("spi_angle_transfer oid=%c data=%*s", "transfer", data=True),
    Call("query_hx71x oid=%c rest_ticks=%u", "query", configured("gain_channel")),
    Call("query_ads131m0x oid=%c rest_ticks=%u", "query", configured("channel", "num_channels")),
    Call("query_ldc1612 oid=%c rest_ticks=%u", "query"),
    Call("query_status_ldc1612 oid=%c", "status"),
]
for _name in ("adxl345", "lis2dw", "bmi160", "mpu9250", "icm20948", "ads1220"):
    CALLS.append(Call("query_%s oid=%%c rest_ticks=%%u" % _name, "query"))
for _name in ("adxl345", "lis2dw", "bmi160", "mpu9250", "icm20948", "ads1220", "ads131m0x", "hx71x"):
    CALLS.append(Call("query_%s_status oid=%%c" % _name, "status"))

# Commands that only configuration has: a load cell's or probe's trigger.
ATTACH = ["%s_attach_trigger_analog" % _name for _name in ("hx71x", "ads1220", "ads131m0x", "ldc1612")]

RESPONSES = [
    Response("thermocouple_result", "thermocouple_result oid=%c next_clock=%u value=%u fault=%c"),
    Response("angle_transfer", "spi_angle_transfer_response oid=%c clock=%u response=%*s",
             lambda fields: {"clock": fields["clock"], "response": bytes(fields["answer"])}),
]

# What klippy looks up in a dictionary to name errors; the drivers have the numbers.
ENUMERATIONS = {
    "config_ads131m0x": {"ads131m0x_error:": {"SENSOR_ERROR_CRC": 1, "SENSOR_ERROR_RESET": 2}},
    "config_ldc1612": {"ldc1612_error:": {"SENSOR_REPORTS_ERROR": 0, "I2C_STATUS_ERROR": 1, "I2C_DATA_ERROR": 2,
                                          "INVALID_READ_DATA": 3}},
}

# try_shutdown(reason) of the drivers: firmware/drivers/thermocouple.h.
SHUTDOWN_REASONS = {"config_thermocouple": {0: "Thermocouple reader fault"}}
