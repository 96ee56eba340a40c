namespace LocalBloom.AI.Collectives;

/// <summary>What joins the ranks of a model.</summary>
internal interface IRankLink : IDisposable
{
    /// <summary>Gets a rank's side.</summary>
    ICollective Of(int rank);

    /// <summary>Ends all waiting of this step: a rank has failed. Safe from any thread, and after disposal; throws nothing.</summary>
    void Break();

    /// <summary>Makes it whole again. No rank may be in a step.</summary>
    void Renew();

    /// <summary>Says whether the sums of the last step were complete. To be called once a result of the step has been read.</summary>
    /// <exception cref="RankLostException">A device waited in vain for another.</exception>
    void Confirm();
}
