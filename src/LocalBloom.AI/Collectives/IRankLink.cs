namespace LocalBloom.AI.Collectives;

/// <summary>What joins the ranks of a model.</summary>
internal interface IRankLink : IDisposable
{
    /// <summary>Gets what is held while a step is launched on all ranks.</summary>
    /// <remarks>
    /// Kernels that wait for each other must come in one order on all devices. Two models of a process share its devices' streams: were their steps mixed,
    /// each could wait behind the other for ever.
    /// </remarks>
    Lock Launching { get; }

    /// <summary>Gets a rank's side.</summary>
    ICollective Of(int rank);

    /// <summary>Ends all waiting of this step: a rank has failed. Safe from any thread.</summary>
    void Break();

    /// <summary>Makes it whole again. No rank may be in a step.</summary>
    void Renew();

    /// <summary>Says whether the sums of the last step were complete. To be called once a result of the step has been read.</summary>
    /// <exception cref="RankLostException">A device waited in vain for another.</exception>
    void Confirm();
}
