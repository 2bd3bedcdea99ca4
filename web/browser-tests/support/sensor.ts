/** A sensor that knows only the field project's protocol. */
import mqtt, { type MqttClient } from "mqtt";
import { afterAll, beforeAll, inject } from "vitest";

let client: MqttClient;

export function useSensor(): void {
  beforeAll(async () => {
    client = await mqtt.connectAsync(inject("mqtt"), { clientId: `test-sensor-${process.pid}`, protocolVersion: 4 });
  });
  afterAll(() => client.endAsync());
}

/** Publishes as the field's sensors do: QoS 1, retained. Resolves when the broker has acknowledged. */
export async function publishReading(
  place: string,
  zone: string,
  number: number,
  status: "free" | "occupied",
): Promise<void> {
  const reading = { sensor_id: number, zone, status, timestamp: new Date().toISOString(), confidence: 0.95 };
  await client.publishAsync(`${place}/parking/${zone}/place_${number}`, JSON.stringify(reading), {
    qos: 1,
    retain: true,
  });
}

/** Publishes the count of a car park without a sensor per space. */
export async function publishCount(place: string, zone: string, occupied: number): Promise<void> {
  const count = { timestamp: new Date().toISOString(), occupied };
  await client.publishAsync(`${place}/parking/${zone}/counter`, JSON.stringify(count), { qos: 1, retain: true });
}
