using LocalBloom.AI.Native;

namespace LocalBloom.AI.Collectives;

/// <summary>What joins the ranks of a model.</summary>
internal interface IRankLink : IDisposable
{
    /// <summary>Gets a rank's side.</summary>
    ICollective Of(int rank);

    /// <summary>Ends all waiting of this step: a rank has failed. Safe from any thread, and after disposal; throws nothing.</summary>
    void Break();

    /// <summary>Waits until nothing of a step that has failed is under way on a device. May take long; the order of launches is not needed for it.</summary>
    /// <exception cref="StillInUseException">It does not end. That is final.</exception>
    void AwaitEnd();

    /// <summary>Makes it whole again, once all has ended. To be called in the order of launches; no rank may be in a step.</summary>
    void Renew();

    /// <summary>Says whether the sums of the last step were complete. To be called once a result of the step has been read.</summary>
    /// <exception cref="RankLostException">A device waited in vain for another.</exception>
    void Confirm();
}
