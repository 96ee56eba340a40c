namespace LocalBloom.AI.Weights;

/// <summary>Copies layers' slabs between host memory and the slots of a ring on a device, in order with what the device computes.</summary>
/// <remarks>A slot is filled over and over: what fills it waits for work that was launched before the slot's last <see cref="Retire"/>. Belongs to the engine thread.</remarks>
internal interface ISlabTransfer : IDisposable
{
    /// <summary>Copies a slot into a slab; returns when it is there.</summary>
    /// <param name="slot">The slot's number; what was launched to write it is done first.</param>
    /// <param name="slab">The slab's address.</param>
    void Store(int slot, nint slab);

    /// <summary>Starts to copy a slab into a slot, after all earlier ones.</summary>
    /// <param name="slot">The slot's number.</param>
    /// <param name="slab">The slab's address; it must not change or go before the copy is done.</param>
    void Fill(int slot, nint slab);

    /// <summary>Has work of the device that is launched from now on wait until a slot is filled.</summary>
    /// <param name="slot">The slot's number.</param>
    void Await(int slot);

    /// <summary>Says that all work that reads a slot has been launched.</summary>
    /// <param name="slot">The slot's number.</param>
    void Retire(int slot);
}
