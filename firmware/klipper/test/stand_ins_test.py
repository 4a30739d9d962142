# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""Klipper's own sensor sections on a firmware that lacks their drivers: what klippy's classes say becomes a guest, and
what the guest says becomes what they expect."""

import re
import struct
import unittest

import fake_klippy
from fake_firmware import Firmware, state
from fake_klippy import Config, KlippyError, Printer

container = fake_klippy.limpet("container")
native = fake_klippy.limpet("native")
section = fake_klippy.limpet("section")
IMAGES = fake_klippy.FOLDER / "images"

SENSORS = [  # configuration command, image, devices
    ("config_thermocouple oid=%d spi_oid=7 thermocouple_type=MAX31855", "max31855", [(0, 7, 0)]),
    ("config_thermocouple oid=%d spi_oid=7 thermocouple_type=MAX31856", "max31856", [(0, 7, 0)]),
    ("config_thermocouple oid=%d spi_oid=7 thermocouple_type=MAX31865", "max31865", [(0, 7, 0)]),
    ("config_thermocouple oid=%d spi_oid=7 thermocouple_type=MAX6675", "max6675", [(0, 7, 0)]),
    ("config_adxl345 oid=%d spi_oid=7", "adxl345", [(0, 7, 0)]),
    ("config_lis2dw oid=%d bus_oid=7 bus_oid_type=spi lis_chip_type=LIS2DW", "lis2dw", [(0, 7, 0)]),
    ("config_lis2dw oid=%d bus_oid=7 bus_oid_type=i2c lis_chip_type=LIS2DW", "lis2dw-i2c", [(1, 7, 0)]),
    ("config_lis2dw oid=%d bus_oid=7 bus_oid_type=spi lis_chip_type=LIS3DH", "lis3dh", [(0, 7, 0)]),
    ("config_lis2dw oid=%d bus_oid=7 bus_oid_type=i2c lis_chip_type=LIS3DH", "lis3dh-i2c", [(1, 7, 0)]),
    ("config_bmi160 oid=%d bus_oid=7 bus_oid_type=spi", "bmi160", [(0, 7, 0)]),
    ("config_bmi160 oid=%d bus_oid=7 bus_oid_type=i2c", "bmi160-i2c", [(1, 7, 0)]),
    ("config_mpu9250 oid=%d i2c_oid=7", "mpu9250", [(1, 7, 0)]),
    ("config_icm20948 oid=%d i2c_oid=7", "icm20948", [(1, 7, 0)]),
    ("config_spi_angle oid=%d spi_oid=7 spi_angle_type=a1333", "a1333", [(0, 7, 0)]),
    ("config_spi_angle oid=%d spi_oid=7 spi_angle_type=as5047d", "as5047d", [(0, 7, 0)]),
    ("config_spi_angle oid=%d spi_oid=7 spi_angle_type=tle5012b", "tle5012b", [(0, 7, 0)]),
    ("config_spi_angle oid=%d spi_oid=7 spi_angle_type=mt6816", "mt6816", [(0, 7, 0)]),
    ("config_spi_angle oid=%d spi_oid=7 spi_angle_type=mt6826s", "mt6826s", [(0, 7, 0)]),
    ("config_hx71x oid=%d gain_channel=3 dout_pin=PB1 sclk_pin=PB2", "hx71x", [(2, 17, 1), (3, 18, 1)]),
    ("config_ads1220 oid=%d spi_oid=7 data_ready_pin=cs_alias", "ads1220", [(0, 7, 0), (2, 4, 0)]),
    ("config_ads131m0x oid=%d spi_oid=7 channel=1 num_channels=4 data_ready_pin=PB1", "ads131m0x",
     [(0, 7, 0), (2, 17, 0)]),
    ("config_ldc1612 oid=%d i2c_oid=7", "ldc1612", [(1, 7, 0)]),
    ("config_ldc1612_with_intb oid=%d i2c_oid=7 intb_pin=PB1", "ldc1612-intb", [(1, 7, 0), (2, 17, 1)]),
]


class StandInTest(unittest.TestCase):
    def setUp(self):
        self.printer = Printer(fake_klippy.dictionary("guests"))
        self.mcu = self.printer.mcu
        self.printer.load_object(None, "limpet")

    def image(self, name):
        return container.Image((IMAGES / (name + ".limpet")).read_bytes())

    def sensor(self, command, init=()):
        """A sensor of klippy's, configured on the firmware. Returns its oid."""
        oid = self.mcu.create_oid()
        self.mcu.add_config_cmd(command % oid)
        for text in init:
            self.mcu.add_config_cmd(text % oid, is_init=True)
        self.printer.connect()
        self.firmware = Firmware(self.mcu)
        self.firmware.configure(self.mcu._config_cmds + self.mcu._init_cmds)
        return oid

    def send(self, msgformat, *params):
        """As klippy's classes do. Returns entry, words and data of the call that it became."""
        self.mcu.lookup_command(msgformat).send(list(params))
        oid, entry, words, data = self.firmware.calls[-1]
        self.assertEqual(oid, params[0])
        return entry, words, data


class Configuration(StandInTest):
    def test_every_driver(self):
        for command, name, devices in SENSORS:
            self.setUp()
            oid = self.sensor(command)
            vm = self.firmware.vms[oid]
            self.assertTrue(vm.sealed, name)
            self.assertEqual(vm.devices, devices, name)
            self.assertIn(self.image(name).bind(fake_klippy.calls_of(self.mcu)), bytes(vm.block), name)
            self.assertEqual(vm.block[2:4], struct.pack("<H", self.image(name).entries["task"]))
            self.assertEqual(list(self.printer.objects["limpet"].get_status()["drivers"]), ["oid %d (%s)" % (oid, name)])

    def test_every_image_is_used(self):
        self.assertEqual({name for _, name, _ in SENSORS} | {"hello", "max31865-report-only"},
                         {path.stem for path in IMAGES.glob("*.limpet")})

    def test_a_firmware_with_native_drivers_is_left_alone(self):
        self.printer = Printer(fake_klippy.dictionary("native"))
        self.mcu = self.printer.mcu
        before = dict(self.mcu.parser.messages_by_name)
        self.printer.load_object(None, "limpet")
        command = "config_adxl345 oid=0 spi_oid=7"
        self.mcu.add_config_cmd(command)
        self.mcu.add_config_cmd("query_adxl345 oid=0 rest_ticks=0", on_restart=True)
        self.printer.connect()
        self.assertEqual((self.mcu._config_cmds, len(self.mcu._restart_cmds)), ([command], 1))
        self.assertEqual(self.mcu.parser.messages_by_name, before)

    def test_guests_where_a_firmware_has_native_drivers(self):
        for command, name, devices in SENSORS:
            self.printer = Printer(fake_klippy.dictionary("native"))
            self.mcu = self.printer.mcu
            self.printer.objects["limpet"] = section.Settings(Config(self.printer, "limpet", {"prefer": "guests"}))
            oid = self.sensor(command)
            self.assertEqual(self.firmware.vms[oid].devices, devices, name)
            if "thermocouple" not in command and "angle" not in command:
                query = "query_%s oid=%%c rest_ticks=%%u" % re.match("config_([a-z0-9]+)", command).group(1)
                self.assertEqual(self.send(query, oid, 500)[:1], (self.image(name).entries["query"],))

    def test_a_firmware_without_the_add_on_is_left_alone(self):
        self.mcu.get_constants().pop("LIMPET")
        before = dict(self.mcu.parser.messages_by_name)
        self.mcu.add_config_cmd("config_adxl345 oid=0 spi_oid=7")
        self.printer.connect()
        self.assertEqual(self.mcu.parser.messages_by_name, before)

    def test_the_rest_of_the_configuration_stays_in_its_place(self):
        self.mcu.add_config_cmd("config_spi_without_cs oid=7")
        add = lambda: self.mcu.add_config_cmd("config_mpu9250 oid=8 i2c_oid=7")
        self.mcu.register_config_callback(lambda: self.mcu.register_config_callback(add))
        self.mcu.create_oid()
        self.mcu.add_config_cmd("config_adxl345 oid=0 spi_oid=7")
        self.mcu.add_config_cmd("reset_digital oid=1", on_restart=True)
        self.mcu.add_config_cmd("query_adxl345 oid=0 rest_ticks=0", on_restart=True)
        self.mcu.add_config_cmd("config_other oid=2")
        self.printer.connect()
        names = [" ".join(command.split()[:3]) for command in self.mcu._config_cmds]
        self.assertEqual(names[:3], ["config_spi_without_cs oid=7", "limpet oid=0 do=6", "limpet oid=0 do=0"])
        self.assertLess(names.index("limpet oid=0 do=8"), names.index("config_other oid=2"))
        self.assertLess(names.index("config_other oid=2"), names.index("limpet oid=8 do=6"))
        restart = [command.split()[2] for command in self.mcu._restart_cmds[:-1]]
        self.assertTrue(self.mcu._restart_cmds[-1].startswith("reset_digital"))
        self.assertEqual(set(restart), {"do=7", "do=8"})
        self.assertEqual(restart.count("do=8"), 2)

    def test_a_firmware_that_lacks_a_call_is_sent_nothing(self):
        fake_klippy.lose_call(self.mcu, "void bulk_overflow(u32)")
        self.mcu.add_config_cmd("config_adxl345 oid=0 spi_oid=7")
        with self.assertRaisesRegex(KlippyError, r"'adxl345' for MCU 'mcu': it calls 'void bulk_overflow\(u32\)'"):
            self.printer.connect()
        self.assertEqual(self.mcu.sent, [])

    def test_a_chip_that_there_is_no_image_of(self):
        self.mcu.add_config_cmd("config_thermocouple oid=0 spi_oid=7 thermocouple_type=MAX9999")
        self.assertRaisesRegex(KlippyError, "'max9999' for MCU 'mcu': there is no image of it", self.printer.connect)

    def test_images_of_the_user_come_first(self):
        settings = section.Settings(Config(self.printer, "limpet", {"images": "/nowhere"}))
        self.printer.objects["limpet"].images = settings.images
        self.sensor("config_adxl345 oid=%d spi_oid=7")  # not there: Limpet's


class Commands(StandInTest):
    def test_thermocouple(self):
        query = "query_thermocouple oid=%d clock=4000000000 rest_ticks=300 min_value=1 max_value=2 max_invalid_count=3"
        oid = self.sensor(SENSORS[2][0], [query])
        self.assertEqual(self.firmware.calls, [(oid, self.image("max31865").entries["query"],
                                                [4000000000, 300, 1, 2, 3], b"")])

    def test_accelerometers(self):
        for command, name, _ in SENSORS[4:13]:
            self.setUp()
            oid = self.sensor(command)
            prefix = command.split()[0][len("config_"):]
            entries = self.image(name).entries
            self.assertEqual(self.send("query_%s oid=%%c rest_ticks=%%u" % prefix, oid, 500),
                             (entries["query"], [500, 0, 0, 0, 0], b""))
            self.assertEqual(self.send("query_%s_status oid=%%c" % prefix, oid), (entries["status"], [0] * 5, b""))

    def test_angle_sensors(self):
        for (command, name, _), limit in zip(SENSORS[13:18], (3200, 3200, 87360, 3200, 3200)):
            self.setUp()
            oid = self.sensor(command)
            msgformat = "query_spi_angle oid=%c clock=%u rest_ticks=%u time_shift=%c"
            self.assertEqual(self.send(msgformat, oid, 9, 400, 2),
                             (self.image(name).entries["query"], [9, 400, 2, limit, 0], b""))

    def test_angle_transfer(self):
        oid = self.sensor(SENSORS[15][0])
        answers = []
        self.mcu._serial.register_response(answers.append, "spi_angle_transfer_response", oid)
        self.firmware.messages = [(0, struct.pack("<I", 123) + b"\1\2\3")]
        self.assertEqual(self.send("spi_angle_transfer oid=%c data=%*s", oid, [0x84, 0x42, 0]),
                         (self.image("tle5012b").entries["transfer"], [0] * 5, b"\x84\x42\0"))
        self.assertEqual([(a["clock"], a["response"], a["#name"]) for a in answers],
                         [(123, b"\1\2\3", "spi_angle_transfer_response")])
        self.setUp()
        oid = self.sensor(SENSORS[16][0])  # klippy looks it up, and never sends it
        self.assertRaisesRegex(KlippyError, "has no entry 'transfer'", self.send, "spi_angle_transfer oid=%c data=%*s",
                               oid, b"x")

    def test_load_cells(self):
        attach = ["%s_attach_trigger_analog oid=%%d trigger_analog_oid=5"]
        oid = self.sensor(SENSORS[18][0], [attach[0] % "hx71x"])
        self.assertEqual(self.firmware.vms[oid].devices[-1], (4, 5, 0))
        entries = self.image("hx71x").entries
        self.assertEqual(self.send("query_hx71x oid=%c rest_ticks=%u", oid, 80),
                         (entries["query"], [80, 3, 0, 0, 0], b""))
        self.assertEqual(self.send("query_hx71x_status oid=%c", oid)[0], entries["status"])
        self.setUp()
        oid = self.sensor(SENSORS[19][0], [attach[0] % "ads1220"])
        self.assertEqual(self.firmware.vms[oid].devices[-1], (4, 5, 0))
        self.assertEqual(self.send("query_ads1220 oid=%c rest_ticks=%u", oid, 80)[1], [80, 0, 0, 0, 0])
        self.setUp()
        oid = self.sensor(SENSORS[20][0], [attach[0] % "ads131m0x"])
        self.assertEqual(self.firmware.vms[oid].devices[-1], (4, 5, 0))
        self.assertEqual(self.send("query_ads131m0x oid=%c rest_ticks=%u", oid, 80)[1], [80, 1, 4, 0, 0])
        self.assertEqual(self.mcu.get_enumerations()["ads131m0x_error:"]["SENSOR_ERROR_RESET"], 2)

    def test_ldc1612(self):
        for command, name, _ in SENSORS[21:23]:
            self.setUp()
            oid = self.sensor(command, ["ldc1612_attach_trigger_analog oid=%d trigger_analog_oid=5"])
            entries = self.image(name).entries
            self.assertEqual(self.firmware.vms[oid].devices[-1], (4, 5, 0))
            self.assertEqual(self.send("query_ldc1612 oid=%c rest_ticks=%u", oid, 80)[:2],
                             (entries["query"], [80, 0, 0, 0, 0]))
            self.assertEqual(self.send("query_status_ldc1612 oid=%c", oid)[0], entries["status"])
            self.assertEqual(self.mcu.get_enumerations()["ldc1612_error:"]["I2C_DATA_ERROR"], 2)

    def test_formats_are_those_of_the_native_firmware(self):
        """Else klippy refuses them: "Command format mismatch"."""
        dictionary = fake_klippy.dictionary("native")
        known = {text.split()[0]: text for text in {**dictionary["commands"], **dictionary["responses"]}}
        for item in native.CALLS + native.RESPONSES:
            self.assertEqual(known[item.format.split()[0]], item.format)
        for name in list(native.CONFIGS) + native.ATTACH:
            self.assertIn(name, known)
        for enumerations in native.ENUMERATIONS.values():
            for name, values in enumerations.items():
                self.assertEqual(dictionary["enumerations"][name], values)
        for command, _, _ in SENSORS:
            words = [word.split("=")[0] for word in command.split()]
            self.assertEqual(words, [word.split("=")[0] for word in known[words[0]].split()])


class Responses(StandInTest):
    def test_thermocouple(self):
        oid = self.sensor(SENSORS[2][0])
        readings = []
        self.mcu._serial.register_response(readings.append, "thermocouple_result", oid)
        self.mcu.tell("limpet_data", oid=oid, message=0, data=struct.pack("<III", 7000, 15240, 0))
        self.assertEqual([(r["oid"], r["next_clock"], r["value"], r["fault"], r["#name"]) for r in readings],
                         [(oid, 7000, 15240, 0, "thermocouple_result")])

    def test_a_shutdown_of_another_kind(self):
        self.sensor(SENSORS[2][0])
        self.assertEqual(self.printer.objects["error_mcu"].explanations("Limpet driver"), [])

    def test_nobody_listens(self):
        oid = self.sensor(SENSORS[2][0])
        self.mcu.tell("limpet_data", oid=oid, message=0, data=struct.pack("<III", 7000, 15240, 0))

    def test_faults_name_the_section(self):
        class Heater:
            oid, mcu = 0, self.mcu

        self.printer.objects["temperature_sensor chamber"] = Heater()
        oid = self.sensor(SENSORS[2][0])
        self.mcu.tell("limpet_data", **state(oid, status=3, pc=0x34, address=2))
        self.assertRegex(self.printer.objects["gcode"].responses[0],
                         r"^!! Limpet: 'temperature_sensor chamber \(max31865\)' stopped: a store to 0x2, .*:\d+, pc")
        self.assertEqual(self.printer.shutdowns, [])

    def test_shutdown_by_the_driver(self):
        oid = self.sensor(SENSORS[2][0])
        self.mcu.tell("limpet_data", **state(oid, status=11))
        status = self.printer.objects["limpet"].get_status()["drivers"]["oid %d (max31865)" % oid]
        self.assertEqual(status["fault"], "Thermocouple reader fault")
        self.assertEqual(self.printer.objects["error_mcu"].explanations("Limpet driver"),
                         ["Limpet: 'oid %d (max31865)': Thermocouple reader fault" % oid])
        self.assertEqual(self.printer.objects["error_mcu"].explanations("ADC out of range"), [])


if __name__ == "__main__":
    unittest.main()
