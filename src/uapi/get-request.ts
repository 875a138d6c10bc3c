/** The request for a device's status. Not to be written into. */
export const getRequest: Uint8Array = Buffer.from("get=1\n\n");
